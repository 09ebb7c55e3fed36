"""Names that a network can have: each one a module's in Verilog, and whatever tools make of that."""

from __future__ import annotations

import re
from typing import Any

from .errors import BackspikeError, shown

__all__ = ["LONGEST_NAME", "check_name"]

LONGEST_NAME = 64
"""Characters of the longest name: below it come the names of modules, and around it those of files."""

# IEEE 1800-2017, annex B, which has those of Verilog-2005 among them.
_SYSTEMVERILOG = """
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
    binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
    constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
    else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
    endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
    export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
    highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
    inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
    localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
    noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
    property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
    randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0
    rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1
    sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri
    tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var
    vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""

# ISO C++20, without those that are above: Verilator writes C++.
_CPP = """
    alignas alignof and_eq asm auto bitand bitor bool catch char char8_t char16_t char32_t co_await co_return co_yield
    compl concept const_cast consteval constexpr constinit decltype delete double dynamic_cast explicit false float
    friend goto inline long mutable namespace noexcept not_eq nullptr operator or_eq private public register
    reinterpret_cast requires short sizeof static_assert static_cast switch template thread_local throw true try typeid
    typename using volatile wchar_t xor_eq
"""

_TAKEN = {
    "clk": "of a port, which a module in C++ cannot have too",
    "rst": "of a port, which a module in C++ cannot have too",
    "std": "of SystemVerilog's own package",
    "TOP": "of the scope in which Verilator puts a design",
}

_KEYWORDS = {
    word: language for language, words in (("C++", _CPP), ("SystemVerilog", _SYSTEMVERILOG)) for word in words.split()
}


def check_name(name: Any) -> None:
    """Check that a name can be that of a module in every tool, and that no other module or port can have it.

    It is made of ASCII letters, digits and underscores, no two of these in a row, the first a letter, and has at most
    `LONGEST_NAME` characters. Two underscores join the parts of a port's name, and names with an underscore in front
    are left to the modules around a network. The modules of a network are named ``<name>.<instance>``, so networks of
    different names never share one.

    Raises
    ------
    BackspikeError
        It is another kind of name, a keyword of SystemVerilog or C++, or one that a port or a tool has.
    """
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z0-9_]+", name):
        raise BackspikeError(f"name must be letters, digits and underscores, not {shown(name)}")
    if not name[0].isalpha():
        raise BackspikeError(f"name must begin with a letter, not be {shown(name)}")
    if "__" in name:
        raise BackspikeError(f"name must not have two underscores in a row, as {shown(name)} has")
    if len(name) > LONGEST_NAME:
        raise BackspikeError(f"name must have at most {LONGEST_NAME} characters, not {len(name)} as {shown(name)} has")
    if name in _KEYWORDS:
        raise BackspikeError(f"name must not be {shown(name)}, a keyword of {_KEYWORDS[name]}")
    if name in _TAKEN:
        raise BackspikeError(f"name must not be {shown(name)}, the name {_TAKEN[name]}")
