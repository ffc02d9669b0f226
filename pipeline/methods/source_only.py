"""Source Only: CDC trained on one camera's labelled pairs, used on another camera as it is. The floor of DADA's Table 1.

Network and loss: Wei et al., "Component Divide-and-Conquer for Real-World Image Super-Resolution", ECCV 2020; as a baseline
and as the start of DADA: Xu et al., CVPR 2022, section 4. Target Only is this run on the target camera (params.yaml: same_as).
"""

from pipeline.methods.base import Supervised

STAGES = {"train": Supervised}
