"""Makes fixtures/oracle/planted: dumps of one image (the synthetic one, which is left out) with a planted bug each, cut down to the first wrong
module, what goes into it, and the features.

    python3 tools/pytorch/make_fixtures.py
"""
import json
import os

import clip_torch
from backend import Backend, trace
import planted_bugs

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'fixtures', 'oracle', 'planted')
CHOSEN = {
    'tiny-vit': ('bgr', 'crop-shifted', 'own-mean-std', 'tf32', 'float16-accumulation-8', 'int8-weights', 'layernorm-eps-1e-6', 'positions-off-by-one',
                 'q-k-swapped', 'scale-twice', 'transposed-in-proj', 'gelu-tanh', 'missing-residual', 'post-norm', 'wrong-block-weights', 'mean-pooling'),
    'tiny-rn': ('no-normalization', 'kernel-flipped', 'padding-same-tensorflow', 'batchnorm-eps-1e-3', 'dump-after-inplace-relu', 'missing-relu', 'stride-for-pool',
                'torchvision-bottleneck', 'missing-residual-bottleneck', 'pool-without-mean-token', 'normalized-features'),
}
# Modules before the first wrong one that are kept, where it is not just the one before.
BEFORE = {'missing-residual': 3, 'missing-residual-bottleneck': 11}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for model, names in CHOSEN.items():
        root = clip_torch.build(model)
        clip_torch.fill_synthetic(root, 0)
        image = clip_torch.synthetic_image(0, 1, clip_torch.MODELS[model][1])
        order = list(trace(root, Backend(), image))
        dumps = {name: planted_bugs.BUGS[name] for name in names} | {'right': None}
        for name, bug in dumps.items():
            seen = bug.trace(root, image) if bug else trace(root, Backend(), image)
            first = bug.first[type(root.visual).__name__] if bug else 'visual.conv1'
            at = order.index(first)
            kept = [key for key in order if key in ('visual', 'visual.transformer') and key in seen or key in order[max(1, at - BEFORE.get(name, 1)):at + 1] or (name == 'post-norm' and key.endswith('0.attn'))]
            about = {'model': model, 'weights': 'synthetic:0', 'bug': name if bug else '', 'first': first if bug else '', 'cause': json.dumps(bug.cause if bug else [])}
            clip_torch.write_safetensors(os.path.join(FOLDER, f'{model}.{name}.safetensors'), {key: seen[key] for key in kept}, about)


if __name__ == '__main__':
    main()
