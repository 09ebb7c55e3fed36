"""The page on which a network is taught by hand: `backspike live`."""
