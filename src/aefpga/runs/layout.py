"""What the files in a run's folder are called."""

# Written last, with a checksum of every other file that a training leaves.
MANIFEST = "run.json"
CONFIG = "config.yaml"
SCHEMA = "schema.json"
INPUT = "input.json"
NORMALISER = "normaliser.json"
FLOAT_MODEL = "float_autoencoder.onnx"
# Of a variational one: from inputs to the logarithms of the latents' variances.
LOG_VARIANCE = "log_variance.onnx"
# The specification: types and hash, and the integers beside it.
ENCODER, ENCODER_WORDS = "encoder.json", "encoder.npz"
DECODER = "decoder.onnx"
# In its place, of words of which only the low bits are sent; there is no float model then.
MODULO_DECODER = "modulo.npz"
# What the trainer computes the encoder from once more, as a reference.
REFERENCE = "reference.npz"
# Its name in runs of version 0.1.
KERAS_REFERENCE = "keras_encoder.npz"
TEST_RECORDS = "test_jets.npz"
HISTORY = "history.csv"
# Of an encoder that was imported: input words to compare computations on.
TEST_WORDS = "test_words.npz"
# Of learned widths: the encoders among which this one was chosen.
FRONT = "front.json"

# What every run has; where its decoder is a network, besides; and what a quantized one has.
NEEDED = (CONFIG, INPUT, NORMALISER, TEST_RECORDS)
OF_NETWORK = (FLOAT_MODEL,)
QUANTIZED = (ENCODER, ENCODER_WORDS)
# What an imported encoder has: it comes alone.
ALONE = (*QUANTIZED, TEST_WORDS)
# From latent words to records: one of these.
DECODERS = ((DECODER, NORMALISER), (MODULO_DECODER,))

# What is added later, without a checksum.
METRICS = "metrics.json"
HISTOGRAMS = "histograms.json"
AGREEMENT = "agreement.json"
PROOF = "proof.json"
ACTIVITY = "activity.json"
ANOMALY = "anomaly.json"
PLOTS = "plots"
REPORTS = "reports"
EVALUATIONS = "evaluations"
PAGE = "report.html"
QONNX = "encoder.qonnx.onnx"
# Of several runs, where it was asked for.
COMPARISON = "comparison.html"
