"""The commands of ``backspike``, a file each: NAME is the function ``NAME`` of the module ``NAME``."""
