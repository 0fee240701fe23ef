`timescale 1 ns / 1 ps
// Back-pressure around a pipeline that never stops. A clock enable would be a net from `out_ready` to
// thousands of registers in one cycle; here a beat is accepted only where the FIFO behind the pipeline
// has room for it, so that what is on its way when the sink stops comes to rest there. `in_ready` is
// a register, and depends on registers alone.

module credit_fifo #(
    parameter LATENCY = 2,  // of the pipeline, in clock cycles
    parameter TAGS = 1,     // bits that go beside the pipeline
    parameter WIDTH = 1     // bits that come out of it
) (
    input clk,
    input rst,
    input in_valid,
    output in_ready,
    input [TAGS-1:0] in_tags,
    output accept,            // into the pipeline
    input done,               // out of the pipeline: `accept`, LATENCY cycles before
    input [WIDTH-1:0] data,
    output out_valid,
    input out_ready,
    output [TAGS-1:0] out_tags,
    output [WIDTH-1:0] out_data
);
    // One place is never filled, one is for the cycle that a beat spends here, two are because
    // `ready` is late: so a beat a cycle goes through.
    localparam ADDRESS = $clog2(LATENCY + 4);

    // Beats in the pipeline and in the FIFO.
    reg [ADDRESS-1:0] used;
    reg ready;
    wire pop;

    assign accept = in_valid & ready;
    assign in_ready = ready;

    always @(posedge clk)
        if (rst) begin
            used <= 0;
            ready <= 1'b0;
        end else begin
            if (accept & ~pop)
                used <= used + 1'b1;
            else if (pop & ~accept)
                used <= used - 1'b1;
            ready <= used < (1 << ADDRESS) - 2;
        end

    // No reset, so that shift registers can hold them.
    reg [TAGS*LATENCY-1:0] tags;

    always @(posedge clk)
        tags <= {tags[TAGS*(LATENCY-1)-1:0], in_tags};

    (* ram_style = "distributed" *)
    reg [TAGS+WIDTH-1:0] memory [0:(1<<ADDRESS)-1];
    reg [ADDRESS-1:0] head;
    reg [ADDRESS-1:0] tail;
    reg [TAGS+WIDTH-1:0] shown;
    reg valid;

    assign pop = (head != tail) & (out_ready | ~valid);

    always @(posedge clk) begin
        if (done)
            memory[head] <= {tags[TAGS*LATENCY-1:TAGS*(LATENCY-1)], data};
        if (pop)
            shown <= memory[tail];
        if (rst) begin
            head <= 0;
            tail <= 0;
            valid <= 1'b0;
        end else begin
            if (done)
                head <= head + 1'b1;
            if (pop)
                tail <= tail + 1'b1;
            valid <= pop | (valid & ~out_ready);
        end
    end

    assign out_valid = valid;
    assign {out_tags, out_data} = shown;
endmodule
