// Block RAM of a GW1NR, with two ports of one to 36 bits: a behavioural model, since Yosys has the cells as black boxes.
//
// 512 rows of four bytes, of 8 bits or, with NINE, of 9. The upper address bits name the row, the lower ones what a port
// sees of it; those of ports of two and four bytes are byte enables. A reset clears the output. Output registers are
// refused by whoever writes the netlist.
//
// What one port reads while the other writes the same bits is left open by the device. Here it is the complement of
// what they were, so that a design that counts on old or new data is found out.

/* verilator lint_off MULTIDRIVEN */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off WIDTHEXPAND */
module GOWIN_BLOCK_RAM (
    input CLKA, CEA, WREA, RESETA, CLKB, CEB, WREB, RESETB,
    input [13:0] ADA, ADB,
    input [35:0] DIA, DIB,
    output [35:0] DOA, DOB
);
    parameter NINE = 0;
    parameter WIDTH_A = 16;
    parameter WIDTH_B = 16;
    parameter WRITE_MODE_A = 0;
    parameter WRITE_MODE_B = 0;
    parameter ASYNCHRONOUS = 0;
    parameter [18431:0] INIT = 18432'd0;
    localparam BYTE = NINE ? 9 : 8;
    localparam NORMAL = 0, WRITE_THROUGH = 1;

    // Where in a row the lowest bit of what a port sees is.
    function [5:0] place(input integer width, input [13:0] address);
        case (width)
            1: place = BYTE * address[4:3] + address[2:0];
            2: place = BYTE * address[4:3] + {address[2:1], 1'b0};
            4: place = BYTE * address[4:3] + {address[2], 2'b00};
            8, 9: place = BYTE * address[4:3];
            16, 18: place = address[4] ? 2 * BYTE : 0;
            default: place = 0;
        endcase
    endfunction

    function [35:0] written(input integer width, input [13:0] address);
        case (width)
            1, 2, 4, 8, 9: written = ((36'd1 << width) - 36'd1) << place(width, address);
            16, 18: written = {{BYTE{address[1]}}, {BYTE{address[0]}}} << place(width, address);
            default:
                written = {{BYTE{address[3]}}, {BYTE{address[2]}}, {BYTE{address[1]}}, {BYTE{address[0]}}};
        endcase
    endfunction

    reg [35:0] rows [0:511];
    reg [35:0] output_a = 36'd0, output_b = 36'd0;
    integer index, bit_a, bit_b;
    initial
        for (index = 0; index < 512; index = index + 1)
            rows[index] = INIT[36*index +: 36];

    wire [35:0] mask_a = CEA && WREA ? written(WIDTH_A, ADA) : 36'd0;
    wire [35:0] mask_b = CEB && WREB ? written(WIDTH_B, ADB) : 36'd0;
    wire [35:0] new_a = DIA << place(WIDTH_A, ADA);
    wire [35:0] new_b = DIB << place(WIDTH_B, ADB);
    wire same = ADA[13:5] == ADB[13:5];
    wire [35:0] row_a = rows[ADA[13:5]];
    wire [35:0] row_b = rows[ADB[13:5]];
    wire [35:0] own_a = WRITE_MODE_A == WRITE_THROUGH ? (row_a & ~mask_a) | (new_a & mask_a) : row_a;
    wire [35:0] own_b = WRITE_MODE_B == WRITE_THROUGH ? (row_b & ~mask_b) | (new_b & mask_b) : row_b;
    wire [35:0] seen_a = own_a ^ (same ? mask_b : 36'd0);
    wire [35:0] seen_b = own_b ^ (same ? mask_a : 36'd0);
    wire clear_a = RESETA && ASYNCHRONOUS;
    wire clear_b = RESETB && ASYNCHRONOUS;

    always @(posedge CLKA)
        for (bit_a = 0; bit_a < 36; bit_a = bit_a + 1)
            if (mask_a[bit_a]) rows[ADA[13:5]][bit_a] <= new_a[bit_a];

    always @(posedge CLKB)
        for (bit_b = 0; bit_b < 36; bit_b = bit_b + 1)
            if (mask_b[bit_b]) rows[ADB[13:5]][bit_b] <= new_b[bit_b];

    always @(posedge CLKA or posedge clear_a)
        if (RESETA)
            output_a <= 36'd0;
        else if (CEA && !(WREA && WRITE_MODE_A == NORMAL))
            output_a <= seen_a >> place(WIDTH_A, ADA);

    always @(posedge CLKB or posedge clear_b)
        if (RESETB)
            output_b <= 36'd0;
        else if (CEB && !(WREB && WRITE_MODE_B == NORMAL))
            output_b <= seen_b >> place(WIDTH_B, ADB);

    assign DOA = output_a & ((37'd1 << WIDTH_A) - 37'd1);
    assign DOB = output_b & ((37'd1 << WIDTH_B) - 37'd1);
endmodule
