"""What the scripts share, by subject; and one wing a pipeline, for its science alone."""

import logging

# peft loads bitsandbytes wherever it is installed, which then warns of kernels that only four-bit weights would use.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
