"""CLIP's image towers in PyTorch, and traces of them: a backend that the oracle has nothing to do with.

    python3 tools/pytorch/clip_torch.py --model tiny-vit --out right.safetensors
    python3 tools/pytorch/clip_torch.py --model tiny-vit --bug gelu-tanh --out wrong.safetensors
    python3 tools/pytorch/clip_torch.py --list
    python3 tools/pytorch/clip_torch.py --models tiny-rn tiny-vit --all-bugs --seeds 0 --folder DIR     everything in one process

Written for this project from the published description of the architectures; modules are named as in OpenAI's checkpoints, so that forward
hooks give the names of a dump. Weights: `synthetic:SEED` (Threefry-2x32-20, made here in numpy), or a safetensors checkpoint in float32.
Needs PyTorch (1.13 was used) and numpy. Nothing here is shared with src: that is the point of it.

What a layer computes is asked of a `Backend` (backend.py).
"""
import argparse
import json
import os
import struct
import sys
import zlib

import numpy as np
import torch
from torch import nn

import planted_bugs
from backend import Backend, trace

# name: (embed, resolution, width, layers, patch); patch None: a ModifiedResNet
MODELS = {
    'RN50': (1024, 224, 64, (3, 4, 6, 3), None),
    'ViT-B/32': (512, 224, 768, 12, 32),
    'ViT-L/14': (768, 224, 1024, 24, 14),
    'tiny-rn': (32, 64, 8, (1, 2, 1, 1), None),
    'tiny-vit': (32, 32, 128, 2, 8),
}


class Layer(nn.Module):
    """Knows its path and its backend, both given after the network is built."""
    at = ''
    backend = None


class Conv2d(Layer):
    def __init__(self, c, o, k, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(o, c, k, k))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return self.backend.conv2d(x, self.weight, self.stride, self.padding, self.at)


class BatchNorm2d(Layer):
    def __init__(self, c):
        super().__init__()
        for name in ('weight', 'bias'):
            setattr(self, name, nn.Parameter(torch.zeros(c)))
        for name in ('running_mean', 'running_var'):
            self.register_buffer(name, torch.zeros(c))

    def forward(self, x):
        return self.backend.batch_norm(x, self, self.at)


class ReLU(Layer):
    def forward(self, x):
        return self.backend.relu(x, self.at)


class AvgPool2d(Layer):
    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel

    def forward(self, x):
        return self.backend.avg_pool(x, self.kernel, self.at)


class LayerNorm(Layer):
    def __init__(self, d):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x):
        return self.backend.layer_norm(x, self.weight, self.bias, self.at)


class Linear(Layer):
    def __init__(self, k, o):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(o, k)), nn.Parameter(torch.zeros(o))

    def forward(self, x):
        return self.backend.linear(x, self.weight, self.bias, self.at)


class QuickGELU(Layer):
    def forward(self, x):
        return self.backend.activation(x, self.at)


class Bottleneck(Layer):
    def __init__(self, c, planes, stride):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = Conv2d(c, planes, 1), BatchNorm2d(planes), ReLU()
        self.conv2, self.bn2, self.relu2 = Conv2d(planes, planes, 3, 1, 1), BatchNorm2d(planes), ReLU()
        self.avgpool = AvgPool2d(stride)
        self.conv3, self.bn3, self.relu3 = Conv2d(planes, 4 * planes, 1), BatchNorm2d(4 * planes), ReLU()
        self.downsample = None
        if stride > 1 or c != 4 * planes:
            self.downsample = nn.Sequential()
            self.downsample.add_module('-1', AvgPool2d(stride))
            self.downsample.add_module('0', Conv2d(c, 4 * planes, 1))
            self.downsample.add_module('1', BatchNorm2d(4 * planes))

    def forward(self, x):
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(self.avgpool(out)))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu3(self.backend.residual(identity, out, self.at))


class AttentionPool2d(Layer):
    def __init__(self, grid, c, embed):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(grid * grid + 1, c))
        for name in ('q_proj', 'k_proj', 'v_proj'):
            setattr(self, name, Linear(c, c))
        self.c_proj = Linear(c, embed)

    def forward(self, x):
        b = self.backend
        project = lambda m, x: b.linear(x, m.weight, m.bias, m.at)  # not through the module: PyTorch's attention is one function
        query, tokens = b.pool_tokens(x.flatten(2).transpose(1, 2), self.positional_embedding)
        pooled = b.attention(project(self.q_proj, query), project(self.k_proj, tokens), project(self.v_proj, tokens), self.at)
        return project(self.c_proj, pooled[:, 0])


class ModifiedResNet(Layer):
    def __init__(self, embed, resolution, width, layers):
        super().__init__()
        half = width // 2
        self.conv1, self.bn1, self.relu1 = Conv2d(3, half, 3, 2, 1), BatchNorm2d(half), ReLU()
        self.conv2, self.bn2, self.relu2 = Conv2d(half, half, 3, 1, 1), BatchNorm2d(half), ReLU()
        self.conv3, self.bn3, self.relu3 = Conv2d(half, width, 3, 1, 1), BatchNorm2d(width), ReLU()
        self.avgpool = AvgPool2d(2)
        c = width
        for i, count in enumerate(layers):
            planes = width << i
            blocks = []
            for j in range(count):
                blocks.append(Bottleneck(c, planes, 2 if i > 0 and j == 0 else 1))
                c = 4 * planes
            setattr(self, f'layer{i + 1}', nn.Sequential(*blocks))
        self.attnpool = AttentionPool2d(resolution // 32, c, embed)

    def forward(self, x):
        x = self.backend.image(x)
        for i in '123':
            x = getattr(self, 'relu' + i)(getattr(self, 'bn' + i)(getattr(self, 'conv' + i)(x)))
        x = self.avgpool(x)
        for i in '1234':
            x = getattr(self, 'layer' + i)(x)
        return self.backend.features(self.attnpool(x))


class MultiheadAttention(Layer):
    def __init__(self, d):
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.zeros(3 * d, d)), nn.Parameter(torch.zeros(3 * d))
        self.out_proj = Linear(d, d)

    def forward(self, x):
        b = self.backend
        q, k, v = (y.transpose(0, 1) for y in b.in_proj(x, self, self.at))  # T N D -> N T D
        mixed = b.attention(q, k, v, self.at).transpose(0, 1)
        return b.linear(mixed, self.out_proj.weight, self.out_proj.bias, self.out_proj.at)


class ResidualAttentionBlock(Layer):
    def __init__(self, d):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = LayerNorm(d), MultiheadAttention(d), LayerNorm(d)
        self.mlp = nn.Sequential()
        for name, module in (('c_fc', Linear(d, 4 * d)), ('gelu', QuickGELU()), ('c_proj', Linear(4 * d, d))):
            self.mlp.add_module(name, module)

    def forward(self, x):
        return self.backend.block(self, x)


class Transformer(Layer):
    def __init__(self, d, layers):
        super().__init__()
        self.resblocks = nn.Sequential(*[ResidualAttentionBlock(d) for _ in range(layers)])

    def forward(self, x):
        return self.resblocks(x)


class VisionTransformer(Layer):
    def __init__(self, embed, resolution, patch, d, layers):
        super().__init__()
        self.conv1 = Conv2d(3, d, patch, patch)
        self.class_embedding = nn.Parameter(torch.zeros(d))
        self.positional_embedding = nn.Parameter(torch.zeros((resolution // patch) ** 2 + 1, d))
        self.ln_pre, self.transformer, self.ln_post = LayerNorm(d), Transformer(d, layers), LayerNorm(d)
        self.proj = nn.Parameter(torch.zeros(d, embed))

    def forward(self, x):
        b = self.backend
        grid = self.conv1(b.image(x)).flatten(2).transpose(1, 2)  # N D H W -> N (HW) D
        class_token = self.class_embedding.expand(grid.shape[0], 1, -1)
        x = self.ln_pre(b.tokens(grid, class_token, self.positional_embedding))
        x = self.transformer(x.transpose(0, 1))  # N T D -> T N D
        x = b.ln_post(self.ln_post, b.pooled_token(x))
        return b.features(b.projection(x, self.proj))


def build(model):
    embed, resolution, width, layers, patch = MODELS[model]
    root = nn.Module()
    root.visual = ModifiedResNet(embed, resolution, width, layers) if patch is None else VisionTransformer(embed, resolution, patch, width, layers)
    for name, module in root.named_modules():
        module.at = name
    return root


# Synthetic weights

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def threefry(key0, key1, blocks):
    """Words of the counters (0,0), (1,0), …, two a block. Threefry-2x32, 20 rounds (Salmon et al., SC 2011)."""
    keys = [np.uint32(key0), np.uint32(key1), np.uint32(0x1BD11BDA ^ key0 ^ key1)]
    x0, x1 = np.arange(blocks, dtype=np.uint32), np.zeros(blocks, np.uint32)
    with np.errstate(over='ignore'):
        x0, x1 = x0 + keys[0], x1 + keys[1]
        for r in range(20):
            x0 = x0 + x1
            x1 = (x1 << np.uint32(ROTATIONS[r % 8])) | (x1 >> np.uint32(32 - ROTATIONS[r % 8]))
            x1 = x1 ^ x0
            if r % 4 == 3:
                i = r // 4 + 1
                x0, x1 = x0 + keys[i % 3], x1 + keys[(i + 1) % 3] + np.uint32(i)
    return np.stack([x0, x1], 1).reshape(-1)


def uniform(seed, name, count, center, amplitude):
    words = threefry(seed & 0xFFFFFFFF, zlib.crc32(name.encode()), (count + 1) // 2)[:count]
    v = ((words >> np.uint32(8)).astype(np.int64) - (1 << 23)).astype(np.float32) * np.float32(2.0 ** -23)
    scaled = v * np.float32(amplitude)  # float32 times float32, rounded once
    return (np.float64(center) + scaled.astype(np.float64)).astype(np.float32)


def synthetic(seed, name, shape):
    leaf = name.rsplit('.', 1)[-1]
    fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
    if leaf == 'running_mean':
        rule = (0, 0.1)
    elif leaf == 'running_var':
        rule = (1, 0.5)
    elif leaf in ('bias', 'in_proj_bias'):
        rule = (0, 0.1)
    elif leaf == 'weight' and name.endswith('.bn3.weight') and '.layer' in name:
        rule = (0.25, 0.125)
    elif leaf == 'weight' and len(shape) == 1:
        rule = (1, 0.25)
    elif leaf in ('positional_embedding', 'class_embedding'):
        rule = (0, (3 / shape[-1]) ** 0.5)
    elif leaf == 'proj':
        rule = (0, (3 / shape[0]) ** 0.5)
    elif leaf == 'weight' and len(shape) == 4 and shape[1] != 3:
        rule = (0, (6 / fan) ** 0.5)
    else:
        rule = (0, (3 / fan) ** 0.5)
    return torch.from_numpy(uniform(seed, name, int(np.prod(shape)), *rule).reshape(shape))


def fill_synthetic(root, seed):
    root.load_state_dict({name: synthetic(seed, name, tuple(x.shape)) for name, x in root.state_dict().items()})


def synthetic_image(seed, n, resolution):
    return torch.from_numpy(uniform(seed, 'image', n * 3 * resolution ** 2, 0, 2).reshape(n, 3, resolution, resolution))


# safetensors

def read_safetensors(path):
    with open(path, 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        data = f.read()
    kinds = {'F32': np.float32, 'F16': np.float16}
    return {name: torch.from_numpy(np.frombuffer(data[e['data_offsets'][0]:e['data_offsets'][1]], kinds[e['dtype']]).reshape(e['shape']).astype(np.float32))
            for name, e in header.items() if name != '__metadata__' and e['dtype'] in kinds}


SAFETENSORS_TYPES = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16'}


def write_safetensors(path, tensors, metadata):
    header, at = {'__metadata__': metadata}, 0
    for name, x in tensors.items():
        size = x.element_size() * x.numel()
        header[name] = {'dtype': SAFETENSORS_TYPES[x.dtype], 'shape': list(x.shape), 'data_offsets': [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text)
        for x in tensors.values():
            x = x.contiguous()
            f.write((x.view(torch.int16) if x.dtype == torch.bfloat16 else x).numpy().tobytes())  # NumPy has no bfloat16


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', choices=MODELS, default='tiny-vit')
    parser.add_argument('--models', nargs='+', choices=MODELS, help='for --folder')
    parser.add_argument('--weights', help='a safetensors checkpoint; default synthetic:SEED')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--seeds', type=int, nargs='+', help='for --folder')
    parser.add_argument('--images', type=int, default=2, help='size of the batch')
    parser.add_argument('--bug', help='a name from --list; default: none, a right backend')
    parser.add_argument('--bugs', nargs='+', help='for --folder')
    parser.add_argument('--all-bugs', action='store_true', help='for --folder')
    parser.add_argument('--out', help='the dump, safetensors')
    parser.add_argument('--folder', help='writes MODEL.SEED.BUG.safetensors for all that was asked for, and right ones as MODEL.SEED.safetensors')
    parser.add_argument('--list', action='store_true', help='prints the bugs as JSON')
    options = parser.parse_args()
    if options.list:
        print(json.dumps([bug.describe() for bug in planted_bugs.BUGS.values()], indent=1))
        return
    if options.folder is None and options.out is None:
        parser.error('--out FILE or --folder DIR is needed')
    names = list(planted_bugs.BUGS) if options.all_bugs else options.bugs or [options.bug]
    for model in options.models or [options.model]:
        root = build(model)
        kind = type(root.visual).__name__
        for seed in options.seeds or [options.seed]:
            if options.weights:
                root.load_state_dict({k: v for k, v in read_safetensors(options.weights).items() if k in root.state_dict()})
            else:
                fill_synthetic(root, seed)
            image = synthetic_image(seed, options.images, MODELS[model][1])
            for name in names:
                bug = planted_bugs.BUGS[name] if name else None
                if bug and bug.kind not in (kind, 'both'):
                    if options.folder:
                        continue
                    parser.error(f'{name} is a bug of a {bug.kind}, {model} is a {kind}')
                seen = bug.trace(root, image) if bug else trace(root, Backend(), image)
                label = f'{model.replace("/", "-")}.{seed}{"." + name if name else ""}.safetensors'
                path = options.out or os.path.join(options.folder, label)
                write_safetensors(path, seen, {'model': model, 'weights': options.weights or f'synthetic:{seed}', 'backend': f'PyTorch {torch.__version__}', 'bug': name or ''})
    sys.stdout.flush()


if __name__ == '__main__':
    main()
