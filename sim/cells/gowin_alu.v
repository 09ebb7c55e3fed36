// Adder of a GW1NR, a bit of it, as a table: Yosys's model has Gowin's modes, of which nextpnr makes tables of its own.
//
// Where input C is 1, as it always is here, the table gives what is added to the carry; its first four words give the
// carry out where that is 0.

module GOWIN_ALU (
    input I0, I1, I3, CIN,
    output SUM, COUT
);
    parameter [15:0] TABLE = 16'd0;
    wire half = TABLE[{I3, 1'b1, I1, I0}];
    assign SUM = half ^ CIN;
    assign COUT = half ? CIN : TABLE[{2'b00, I1, I0}];
endmodule
