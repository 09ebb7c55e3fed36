// Block RAM of the ECP5 as Yosys's `synth_ecp5` uses it: a behavioural model, since Yosys has the cell as a black box.
//
// 1,024 words of 18 bits, each two bytes of 9. A port of width 1, 2 or 4 sees 8 bits of each byte, one of 9 or 18 all
// of them. With width 36, port A writes and port B reads two words at once: the lower one is at the pins of port A, the
// upper one at those of port B. Byte enables of ports of 18 and 36 are in their lowest address bits. A reset clears
// the output whatever the enable says; a synchronous one also stops the port's write. Output registers, inverted clocks
// and chip selects, which are not used, are refused.
//
// What one port reads while the other writes the same bits is left open by the device. Here it is the complement of
// what they were, so that a design that counts on old or new data is found out.

/* verilator lint_off MULTIDRIVEN */
/* verilator lint_off WIDTHTRUNC */
/* verilator lint_off WIDTHEXPAND */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off CASEINCOMPLETE */
module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
    DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
    DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
    DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
    DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG";
    parameter REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC";
    parameter ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000";
    parameter CSDECODE_B = "0b000";
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter GSR = "ENABLED";
    parameter CLKAMUX = "CLKA";
    parameter CLKBMUX = "CLKB";
    parameter INIT_DATA = "STATIC";
    parameter [319:0] INITVAL_00 = 320'd0;
    parameter [319:0] INITVAL_01 = 320'd0;
    parameter [319:0] INITVAL_02 = 320'd0;
    parameter [319:0] INITVAL_03 = 320'd0;
    parameter [319:0] INITVAL_04 = 320'd0;
    parameter [319:0] INITVAL_05 = 320'd0;
    parameter [319:0] INITVAL_06 = 320'd0;
    parameter [319:0] INITVAL_07 = 320'd0;
    parameter [319:0] INITVAL_08 = 320'd0;
    parameter [319:0] INITVAL_09 = 320'd0;
    parameter [319:0] INITVAL_0A = 320'd0;
    parameter [319:0] INITVAL_0B = 320'd0;
    parameter [319:0] INITVAL_0C = 320'd0;
    parameter [319:0] INITVAL_0D = 320'd0;
    parameter [319:0] INITVAL_0E = 320'd0;
    parameter [319:0] INITVAL_0F = 320'd0;
    parameter [319:0] INITVAL_10 = 320'd0;
    parameter [319:0] INITVAL_11 = 320'd0;
    parameter [319:0] INITVAL_12 = 320'd0;
    parameter [319:0] INITVAL_13 = 320'd0;
    parameter [319:0] INITVAL_14 = 320'd0;
    parameter [319:0] INITVAL_15 = 320'd0;
    parameter [319:0] INITVAL_16 = 320'd0;
    parameter [319:0] INITVAL_17 = 320'd0;
    parameter [319:0] INITVAL_18 = 320'd0;
    parameter [319:0] INITVAL_19 = 320'd0;
    parameter [319:0] INITVAL_1A = 320'd0;
    parameter [319:0] INITVAL_1B = 320'd0;
    parameter [319:0] INITVAL_1C = 320'd0;
    parameter [319:0] INITVAL_1D = 320'd0;
    parameter [319:0] INITVAL_1E = 320'd0;
    parameter [319:0] INITVAL_1F = 320'd0;
    parameter [319:0] INITVAL_20 = 320'd0;
    parameter [319:0] INITVAL_21 = 320'd0;
    parameter [319:0] INITVAL_22 = 320'd0;
    parameter [319:0] INITVAL_23 = 320'd0;
    parameter [319:0] INITVAL_24 = 320'd0;
    parameter [319:0] INITVAL_25 = 320'd0;
    parameter [319:0] INITVAL_26 = 320'd0;
    parameter [319:0] INITVAL_27 = 320'd0;
    parameter [319:0] INITVAL_28 = 320'd0;
    parameter [319:0] INITVAL_29 = 320'd0;
    parameter [319:0] INITVAL_2A = 320'd0;
    parameter [319:0] INITVAL_2B = 320'd0;
    parameter [319:0] INITVAL_2C = 320'd0;
    parameter [319:0] INITVAL_2D = 320'd0;
    parameter [319:0] INITVAL_2E = 320'd0;
    parameter [319:0] INITVAL_2F = 320'd0;
    parameter [319:0] INITVAL_30 = 320'd0;
    parameter [319:0] INITVAL_31 = 320'd0;
    parameter [319:0] INITVAL_32 = 320'd0;
    parameter [319:0] INITVAL_33 = 320'd0;
    parameter [319:0] INITVAL_34 = 320'd0;
    parameter [319:0] INITVAL_35 = 320'd0;
    parameter [319:0] INITVAL_36 = 320'd0;
    parameter [319:0] INITVAL_37 = 320'd0;
    parameter [319:0] INITVAL_38 = 320'd0;
    parameter [319:0] INITVAL_39 = 320'd0;
    parameter [319:0] INITVAL_3A = 320'd0;
    parameter [319:0] INITVAL_3B = 320'd0;
    parameter [319:0] INITVAL_3C = 320'd0;
    parameter [319:0] INITVAL_3D = 320'd0;
    parameter [319:0] INITVAL_3E = 320'd0;
    parameter [319:0] INITVAL_3F = 320'd0;

    // 16 words in each parameter, 20 bits apart.
    localparam [20479:0] INITIAL = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38, INITVAL_37,
        INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E,
        INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25,
        INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C,
        INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13,
        INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A,
        INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
        INITVAL_00
    };

    generate
        if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CLKAMUX == "INV" || CLKBMUX == "INV"
            || CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
            dp16kd_mode_without_a_model refused();
    endgenerate

    wire [13:0] address_a = {
        ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
    };
    wire [13:0] address_b = {
        ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0
    };
    wire [17:0] data_a = {
        DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
        DIA0
    };
    wire [17:0] data_b = {
        DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
        DIB0
    };

    // Where, in the pair of words that the upper address bits name, the lowest bit of what a port sees is.
    function [5:0] place(input integer width, input [13:0] address);
        case (width)
            1: place = 6'd9 * address[4:3] + address[2:0];
            2: place = 6'd9 * address[4:3] + {address[2:1], 1'b0};
            4: place = 6'd9 * address[4:3] + {address[2], 2'b0};
            9: place = 6'd9 * address[4:3];
            18: place = address[4] ? 6'd18 : 6'd0;
            default: place = 6'd0;
        endcase
    endfunction

    // The bits of the pair that a port writes.
    function [35:0] written(input integer width, input [13:0] address);
        case (width)
            1, 2, 4, 9: written = ((36'd1 << width) - 36'd1) << place(width, address);
            18: written = {18'd0, {9{address[1]}}, {9{address[0]}}} << place(width, address);
            default: written = {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}};
        endcase
    endfunction

    reg [35:0] pairs [0:511];
    reg [35:0] output_a = 36'd0, output_b = 36'd0;
    integer index, bit_a, bit_b;
    initial
        for (index = 0; index < 512; index = index + 1)
            pairs[index] = {INITIAL[40*index + 20 +: 18], INITIAL[40*index +: 18]};

    wire write_a = CEA && WEA && !(RSTA && RESETMODE == "SYNC");
    wire write_b = CEB && WEB && !(RSTB && RESETMODE == "SYNC");
    wire clear_a = RSTA && RESETMODE == "ASYNC";
    wire clear_b = RSTB && RESETMODE == "ASYNC";
    wire [35:0] mask_a = write_a ? written(DATA_WIDTH_A, address_a) : 36'd0;
    wire [35:0] mask_b = write_b ? written(DATA_WIDTH_B, address_b) : 36'd0;
    wire [35:0] new_a = (DATA_WIDTH_A == 36 ? {data_b, data_a} : {18'd0, data_a}) << place(DATA_WIDTH_A, address_a);
    wire [35:0] new_b = {18'd0, data_b} << place(DATA_WIDTH_B, address_b);
    wire same = address_a[13:5] == address_b[13:5];

    // What a port reads: old or new where it writes itself, the complement where the other one writes.
    wire [35:0] pair_a = pairs[address_a[13:5]];
    wire [35:0] pair_b = pairs[address_b[13:5]];
    wire [35:0] own_a = WRITEMODE_A == "WRITETHROUGH" ? (pair_a & ~mask_a) | (new_a & mask_a) : pair_a;
    wire [35:0] own_b = WRITEMODE_B == "WRITETHROUGH" ? (pair_b & ~mask_b) | (new_b & mask_b) : pair_b;
    wire [35:0] seen_a = own_a ^ (same ? mask_b : 36'd0);
    wire [35:0] seen_b = own_b ^ (same ? mask_a : 36'd0);

    always @(posedge CLKA)
        for (bit_a = 0; bit_a < 36; bit_a = bit_a + 1)
            if (mask_a[bit_a]) pairs[address_a[13:5]][bit_a] <= new_a[bit_a];

    always @(posedge CLKA or posedge clear_a)
        if (RSTA)
            output_a <= 36'd0;
        else if (CEA && !(WEA && WRITEMODE_A == "NORMAL"))
            output_a <= seen_a >> place(DATA_WIDTH_A, address_a);

    always @(posedge CLKB)
        for (bit_b = 0; bit_b < 36; bit_b = bit_b + 1)
            if (mask_b[bit_b]) pairs[address_b[13:5]][bit_b] <= new_b[bit_b];

    always @(posedge CLKB or posedge clear_b)
        if (RSTB)
            output_b <= 36'd0;
        else if (CEB && !(WEB && WRITEMODE_B == "NORMAL"))
            output_b <= seen_b >> place(DATA_WIDTH_B, address_b);

    localparam [17:0] USED_A = DATA_WIDTH_A < 18 ? (18'd1 << DATA_WIDTH_A) - 18'd1 : 18'h3FFFF;
    localparam [17:0] USED_B = DATA_WIDTH_B < 18 ? (18'd1 << DATA_WIDTH_B) - 18'd1 : 18'h3FFFF;
    assign {
        DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
        DOA0
    } = DATA_WIDTH_B == 36 ? output_b[17:0] : output_a[17:0] & USED_A;
    assign {
        DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
        DOB0
    } = DATA_WIDTH_B == 36 ? output_b[35:18] : output_b[17:0] & USED_B;
endmodule
