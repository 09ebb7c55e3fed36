// Distributed RAM of the ECP5, a bit of it: the table of a slice that is written as well as read.
//
// Tables and write address count their words in different orders: of the write address the lowest bit is at input D.

module ECP5_SLICE_RAM (
    input A, B, C, D, WAD0, WAD1, WAD2, WAD3, WD, WRE, WCK,
    output Z
);
    parameter [15:0] INIT = 16'd0;
    reg [15:0] words = INIT;
    always @(posedge WCK)
        if (WRE) words[{WAD0, WAD2, WAD1, WAD3}] <= WD;
    assign Z = words[{D, C, B, A}];
endmodule
