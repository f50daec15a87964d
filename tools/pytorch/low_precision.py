"""Traces of CLIP's image towers in lower precisions, computed by PyTorch: backends that keep what they claim, for the tests of claims.

    python3 tools/pytorch/low_precision.py --folder fixtures/claims --few
    python3 tools/pytorch/low_precision.py --folder DIR --models RN50 --precisions bfloat16 --seeds 0 1 2

bfloat16 is PyTorch's own: the module and its input are .bfloat16(), and every operation is PyTorch's kernel for it. The others are rounded after (float16) or
before (tf32) each operation, because PyTorch has no such kernels for the CPU: see planted_bugs.py, where breaking a claim of float32 is one of the bugs.
float16-accumulation claims float16 and breaks it. Files are MODEL.SEED.PRECISION.safetensors, in the element type of the precision.
"""
import argparse
import os

import torch

import planted_bugs
from backend import Backend, trace
from clip_torch import MODELS, build, fill_synthetic, synthetic_image, write_safetensors

PRECISIONS = {
    'bfloat16': torch.bfloat16, 'float16': torch.float16, 'tf32': torch.float32, 'int8-weights': torch.float32, 'float16-accumulation': torch.float16,
}
BUG = {'float16': 'float16-storage'}
FEW = [
    'visual.conv1', 'visual.bn2', 'visual.avgpool', 'visual.layer1.0.conv2', 'visual.layer2.0', 'visual.layer2.1.bn3', 'visual.layer3.0', 'visual.layer4.0', 'visual.attnpool',
    'visual.ln_pre', 'visual.transformer.resblocks.0.attn', 'visual.transformer.resblocks.0', 'visual.transformer.resblocks.1.mlp.gelu', 'visual.transformer.resblocks.1',
    'visual.ln_post', 'visual',
]


def compute(model, seed, precision, images):
    root = build(model)
    fill_synthetic(root, seed)
    image = synthetic_image(seed, images, MODELS[model][1])
    if precision == 'bfloat16':
        return {**trace(root.bfloat16(), Backend(), image.bfloat16()), 'image': image}
    bug = planted_bugs.BUGS[BUG.get(precision, precision)]
    return {**bug.trace(root, image), 'image': image}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', required=True)
    parser.add_argument('--models', nargs='+', choices=MODELS, default=['tiny-rn', 'tiny-vit'])
    parser.add_argument('--precisions', nargs='+', choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument('--seeds', type=int, nargs='+', default=[1])
    parser.add_argument('--images', type=int, default=1)
    parser.add_argument('--few', action='store_true', help='some modules only, without the image, to keep the files small')
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    for model in options.models:
        for seed in options.seeds:
            for precision in options.precisions:
                path = os.path.join(options.folder, f'{model.replace("/", "-")}.{seed}.{precision}.safetensors')
                metadata = {'model': model, 'weights': f'synthetic:{seed}', 'backend': f'PyTorch {torch.__version__}', 'precision': precision}
                tensors = compute(model, seed, precision, options.images)
                stored = {name: x.to(torch.float32 if name == 'image' else PRECISIONS[precision]) for name, x in tensors.items() if not options.few or name in FEW}
                write_safetensors(path, stored, metadata)


if __name__ == '__main__':
    main()
