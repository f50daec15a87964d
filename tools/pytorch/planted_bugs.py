"""Bugs to plant into clip_torch.py's networks: each is a Backend that does one thing differently, as real ports have done it.

`first` is the module whose output is the first to be wrong, in the order in which modules finish; `cause` are names of causes that the oracle
may give for it, the best first.
"""
import numpy as np
import torch
import torch.nn.functional as F

from backend import Backend, MEAN, STD, trace

VIT, RN = 'VisionTransformer', 'ModifiedResNet'
BLOCK0, BLOCK1 = 'visual.transformer.resblocks.0', 'visual.transformer.resblocks.1'
BUGS = {}


class Bug(Backend):
    kind = 'both'
    first = {}
    cause = ()

    @classmethod
    def describe(cls):
        return {'name': cls.name, 'kind': cls.kind, 'first': cls.first, 'cause': list(cls.cause), 'about': (cls.__doc__ or '').strip()}

    @classmethod
    def trace(cls, root, image):
        return trace(root, cls(), image)


def bug(name, first, cause=None, kind=None):
    """`first`: a path, or one for each architecture. A path of one architecture alone makes the bug that architecture's."""
    def register(cls):
        cls.name = name
        places = first if isinstance(first, dict) else {kind or VIT: first}
        cls.first = places
        cls.kind = 'both' if len(places) == 2 else next(iter(places))
        cls.cause = [cause] if isinstance(cause, str) else cause or [name]
        cls.__qualname__ = name
        BUGS[name] = cls
        return cls
    return register


def by_blocks(seen):
    """What is left where only blocks (and the stem and the features) are dumped."""
    parts = ('image', 'visual', 'visual.avgpool', 'visual.ln_pre', 'visual.attnpool')
    return {name: x for name, x in seen.items() if name in parts or name.rsplit('.', 1)[-1].isdigit() and 'downsample' not in name}


CONV1 = {VIT: 'visual.conv1', RN: 'visual.conv1'}
EVERYWHERE = CONV1


# The image

@bug('bgr', CONV1)
class _(Bug):
    """Channels in the order blue, green, red."""
    def image(self, x):
        return x.flip(1)


@bug('no-normalization', CONV1)
class _(Bug):
    """Pixels from 0 to 1, mean and std forgotten."""
    def image(self, x):
        return x * STD + MEAN


@bug('pixels-0-255', CONV1)
class _(Bug):
    """Pixels from 0 to 255."""
    def image(self, x):
        return (x * STD + MEAN) * 255


@bug('imagenet-mean-std', CONV1)
class _(Bug):
    """Normalised as torchvision's ResNets are."""
    def image(self, x):
        return ((x * STD + MEAN) - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@bug('half-mean-std', CONV1)
class _(Bug):
    """Normalised to -1 .. 1, as the Inception networks are."""
    def image(self, x):
        return ((x * STD + MEAN) - 0.5) / 0.5


@bug('own-mean-std', CONV1, 'other-mean-std')
class _(Bug):
    """A mean and std that nobody publishes."""
    def image(self, x):
        return ((x * STD + MEAN) - torch.tensor([0.42, 0.51, 0.47]).view(1, 3, 1, 1)) / torch.tensor([0.31, 0.27, 0.22]).view(1, 3, 1, 1)


@bug('not-divided-by-255', CONV1)
class _(Bug):
    """Mean and std of 0 .. 1 applied to pixels of 0 .. 255."""
    def image(self, x):
        return ((x * STD + MEAN) * 255 - MEAN) / STD


@bug('mirrored', CONV1, 'image-mirrored')
class _(Bug):
    """Left and right exchanged."""
    def image(self, x):
        return x.flip(3)


@bug('height-width-exchanged', CONV1, 'image-transposed')
class _(Bug):
    def image(self, x):
        return x.transpose(2, 3)


@bug('crop-shifted', CONV1, 'crop-shifted')
class _(Bug):
    """The crop lies one pixel further right and two further down; what comes in is the border repeated."""
    def image(self, x):
        return F.pad(x, (0, 1, 0, 2), mode='replicate')[:, :, 2:, 1:]


@bug('channels-last-read-as-first', CONV1, 'image-channels-last')
class _(Bug):
    """The buffer holds H W C and is read as C H W."""
    def image(self, x):
        return x.permute(0, 2, 3, 1).contiguous().view(x.shape)


# Precision

def to_half(x):
    return x.half().float()


def to_bfloat16(x):
    return x.bfloat16().float()


def to_tf32(x):
    """10 fraction bits, to nearest, ties to even: 13 bits are dropped."""
    bits = x.contiguous().numpy().view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0xFFF + ((bits >> 13) & 1)) & ~np.uint64(0x1FFF)).astype(np.uint32)
    return torch.from_numpy(rounded.view(np.float32).reshape(x.shape))


class Rounded(Bug):
    """Operands of products rounded by `operand`, everything that is stored by `store`."""
    operand = staticmethod(lambda x: x)
    store = staticmethod(lambda x: x)

    def conv2d(self, x, weight, stride, padding, at):
        return self.store(super().conv2d(self.operand(x), self.operand(weight), stride, padding, at))

    def linear(self, x, weight, bias, at):
        return self.store(F.linear(self.operand(x), self.operand(weight)) + self.store(bias))

    def product(self, x, matrix, at):
        return self.store(self.operand(x) @ self.operand(matrix))

    def scores(self, q, k, at):
        return self.store(self.operand(q * q.shape[-1] ** -0.5) @ self.operand(k).transpose(-1, -2))

    def mix(self, p, v, at):
        return self.store(self.operand(p) @ self.operand(v))

    def batch_norm(self, x, m, at):
        return self.store(super().batch_norm(x, m, at))

    def layer_norm(self, x, weight, bias, at):
        return self.store(super().layer_norm(x, weight, bias, at))

    def activation(self, x, at):
        return self.store(super().activation(x, at))

    def residual(self, x, branch, at):
        return self.store(x + branch)

    def avg_pool(self, x, kernel, at):
        return self.store(super().avg_pool(x, kernel, at))

    def tokens(self, grid, class_embedding, positions):
        return self.store(super().tokens(grid, class_embedding, positions))


@bug('float16-storage', EVERYWHERE)
class _(Rounded):
    operand = store = staticmethod(to_half)


@bug('bfloat16-storage', EVERYWHERE)
class _(Rounded):
    operand = store = staticmethod(to_bfloat16)


@bug('float16-inputs', EVERYWHERE, ['float16-operands'])
class _(Rounded):
    """Products of float16, added and stored in float32."""
    operand = staticmethod(to_half)


@bug('bfloat16-inputs', EVERYWHERE, ['bfloat16-operands'])
class _(Rounded):
    operand = staticmethod(to_bfloat16)


@bug('tf32', EVERYWHERE)
class _(Rounded):
    operand = staticmethod(to_tf32)


@bug('float16-accumulation', EVERYWHERE)
class _(Rounded):
    """Running sums in float16, product after product, as one loop does it."""
    operand = store = staticmethod(to_half)

    @staticmethod
    def sums(a, b):
        """a (M,K), b (K,O), both float16"""
        a, b = a.numpy().astype(np.float16), b.numpy().astype(np.float16)
        s = np.zeros((a.shape[0], b.shape[1]), np.float16)
        for k in range(a.shape[1]):
            s += a[:, k:k + 1] * b[k:k + 1]
        return torch.from_numpy(s.astype(np.float32))

    def conv2d(self, x, weight, stride, padding, at):
        columns = F.unfold(x, weight.shape[2:], padding=padding, stride=stride)  # N (C KH KW) L
        w = weight.flatten(1).t()
        side = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
        return torch.stack([self.sums(c.t(), w).t().reshape(-1, side, side) for c in columns])

    def linear(self, x, weight, bias, at):
        return to_half(self.sums(x.reshape(-1, x.shape[-1]), weight.t()).reshape(*x.shape[:-1], -1) + to_half(bias))


class PairwiseHalf(BUGS['float16-accumulation']):
    """As above, in 8 running sums that are added at the end, as a SIMD loop does it."""
    @staticmethod
    def sums(a, b):
        a, b = a.numpy().astype(np.float16), b.numpy().astype(np.float16)
        s = np.zeros((8, a.shape[0], b.shape[1]), np.float16)
        for k in range(a.shape[1]):
            s[k % 8] += a[:, k:k + 1] * b[k:k + 1]
        while len(s) > 1:
            s = s[:len(s) // 2] + s[len(s) // 2:]
        return torch.from_numpy(s[0].astype(np.float32))


bug('float16-accumulation-8', EVERYWHERE, 'float16-accumulation')(PairwiseHalf)


@bug('float16-weights', EVERYWHERE)
class _(Rounded):
    """Weights converted to float16, all else float32."""
    def conv2d(self, x, weight, stride, padding, at):
        return F.conv2d(x, to_half(weight), None, stride, padding)

    def linear(self, x, weight, bias, at):
        return F.linear(x, to_half(weight), to_half(bias))

    def product(self, x, matrix, at):
        return x @ to_half(matrix)


def per_channel_int8(w):
    scale = w.flatten(1).abs().max(1)[0].view(-1, *[1] * (w.dim() - 1)) / 127
    return (w / scale).round().clamp(-127, 127) * scale


def per_tensor_int8(w):
    scale = w.abs().max() / 127
    return (w / scale).round().clamp(-127, 127) * scale


@bug('int8-weights', EVERYWHERE, ['int8-weights', 'int8-weights-per-tensor'])
class _(Bug):
    """One scale for each output channel."""
    quantize = staticmethod(per_channel_int8)

    def conv2d(self, x, weight, stride, padding, at):
        return F.conv2d(x, self.quantize(weight), None, stride, padding)

    def linear(self, x, weight, bias, at):
        return F.linear(x, self.quantize(weight), bias)


@bug('int8-weights-per-tensor', EVERYWHERE)
class _(BUGS['int8-weights']):
    quantize = staticmethod(per_tensor_int8)


# Activations, norms

@bug('gelu-erf', BLOCK0 + '.mlp.gelu', 'gelu-for-quickgelu')
class _(Bug):
    def activation(self, x, at):
        return F.gelu(x)


@bug('gelu-tanh', BLOCK0 + '.mlp.gelu', 'tanh-gelu-for-quickgelu')
class _(Bug):
    def activation(self, x, at):
        return 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


@bug('relu-for-gelu', BLOCK1 + '.mlp.gelu', 'relu-for-quickgelu')
class _(Bug):
    """In the second block only."""
    def activation(self, x, at):
        return F.relu(x) if '.1.' in at else super().activation(x, at)


def eps_bug(name, eps, cause):
    @bug(name, 'visual.ln_pre', cause)
    class _(Bug):
        def layer_norm(self, x, weight, bias, at):
            return F.layer_norm(x, weight.shape, weight, bias, eps)


eps_bug('layernorm-eps-1e-6', 1e-6, 'layernorm-eps-1e-6')
eps_bug('layernorm-eps-1e-12', 1e-12, ['layernorm-eps-1e-12', 'layernorm-eps-0'])
eps_bug('layernorm-eps-1e-3', 1e-3, 'layernorm-eps-1e-3')
eps_bug('layernorm-eps-3e-4', 3e-4, 'layernorm-eps')


@bug('layernorm-unbiased', 'visual.ln_pre', 'layernorm-unbiased-variance')
class _(Bug):
    """Divides by n - 1."""
    def layer_norm(self, x, weight, bias, at):
        return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + 1e-5) * weight + bias


@bug('layernorm-no-bias', BLOCK1 + '.ln_2', ['norm-without-bias'])
class _(Bug):
    def layer_norm(self, x, weight, bias, at):
        return F.layer_norm(x, weight.shape, weight, None if at == BLOCK1 + '.ln_2' else bias, 1e-5)


@bug('rms-norm', 'visual.ln_pre', 'rmsnorm-for-layernorm')
class _(Bug):
    def layer_norm(self, x, weight, bias, at):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weight + bias


def bn_bug(name, cause, change, about):
    @bug(name, 'visual.bn1', cause, RN)
    class _(Bug):
        __doc__ = about

        def batch_norm(self, x, m, at):
            return change(x, m)


def bn(x, mean, var, weight, bias, eps=1e-5):
    return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)


bn_bug('batchnorm-eps-1e-3', 'batchnorm-eps-1e-3', lambda x, m: bn(x, m.running_mean, m.running_var, m.weight, m.bias, 1e-3), 'Keras\' default.')
bn_bug('batchnorm-eps-0', 'batchnorm-eps-0', lambda x, m: bn(x, m.running_mean, m.running_var, m.weight, m.bias, 0), 'No eps.')
bn_bug('batchnorm-mean-var-swapped', 'batchnorm-mean-and-variance-exchanged', lambda x, m: bn(x, m.running_var, m.running_mean.abs(), m.weight, m.bias), 'Mean and variance exchanged (absolute values, so that there is a root).')
bn_bug('batchnorm-weight-bias-swapped', 'norm-weight-and-bias-exchanged', lambda x, m: bn(x, m.running_mean, m.running_var, m.bias, m.weight), 'Gamma and beta exchanged.')
bn_bug('batchnorm-training', 'batchnorm-training-mode', lambda x, m: F.batch_norm(x, None, None, m.weight, m.bias, True, 0.0, 1e-5), 'eval() forgotten: normalised by the batch.')
bn_bug('batchnorm-no-root', 'batchnorm-variance-for-deviation', lambda x, m: (x - m.running_mean.view(1, -1, 1, 1)) / (m.running_var.view(1, -1, 1, 1) + 1e-5) * m.weight.view(1, -1, 1, 1) + m.bias.view(1, -1, 1, 1), 'Divides by the variance instead of its root.')


@bug('dump-after-inplace-relu', 'visual.bn1', 'relu-after-in-place', RN)
class _(Bug):
    """The network is right, the hooks do not copy: an in-place ReLU changes what they kept."""
    def relu(self, x, at):
        return x.relu_()

    @classmethod
    def trace(cls, root, image):
        return trace(root, cls(), image, in_place=True)


# Weights and biases

@bug('transposed-out-proj', BLOCK0 + '.attn', 'weight-transposed')
class _(Bug):
    def linear(self, x, weight, bias, at):
        return F.linear(x, weight.t() if at.endswith('.out_proj') else weight, bias)


@bug('transposed-c-fc', BLOCK0 + '.mlp.c_fc', 'weight-transposed')
class _(Bug):
    """The buffer of (O,K) is read as (K,O)."""
    def linear(self, x, weight, bias, at):
        return F.linear(x, weight.reshape(weight.shape[::-1]).t() if at.endswith('.c_fc') else weight, bias)


@bug('transposed-in-proj', BLOCK0 + '.attn', 'weight-transposed')
class _(Bug):
    """Each of the three projections."""
    def in_proj(self, x, m, at):
        return [self.linear(x, w.t(), b, at) for w, b in zip(m.in_proj_weight.chunk(3), m.in_proj_bias.chunk(3))]


@bug('transposed-proj', 'visual', 'weight-transposed')
class _(Bug):
    """proj's buffer read the other way."""
    def projection(self, x, proj):
        return x @ proj.reshape(proj.shape[::-1]).t()


@bug('transposed-pool-v', 'visual.attnpool', 'weight-transposed', RN)
class _(Bug):
    def linear(self, x, weight, bias, at):
        return F.linear(x, weight.t() if at.endswith('.v_proj') else weight, bias)


@bug('kernel-flipped', {VIT: 'visual.conv1', RN: 'visual.conv1'}, 'kernel-flipped')
class _(Bug):
    """A true convolution."""
    def conv2d(self, x, weight, stride, padding, at):
        return F.conv2d(x, weight.flip(2, 3), None, stride, padding)


@bug('kernel-ohwi', 'visual.layer2.0.conv2', 'kernel-read-in-other-order', RN)
class _(Bug):
    """The kernel's buffer is O KH KW C and is read as O C KH KW, in one layer."""
    def conv2d(self, x, weight, stride, padding, at):
        w = weight.permute(0, 2, 3, 1).reshape(weight.shape) if at == 'visual.layer2.0.conv2' else weight
        return F.conv2d(x, w, None, stride, padding)


@bug('missing-bias-c-proj', BLOCK0 + '.mlp.c_proj', 'bias-missing')
class _(Bug):
    def linear(self, x, weight, bias, at):
        return F.linear(x, weight, None if at.endswith('.mlp.c_proj') else bias)


@bug('missing-bias-in-proj', BLOCK1 + '.attn', 'bias-missing')
class _(Bug):
    """In the second block only."""
    def in_proj(self, x, m, at):
        return F.linear(x, m.in_proj_weight, None if at.startswith(BLOCK1) else m.in_proj_bias).chunk(3, -1)


@bug('wrong-block-weights', BLOCK1 + '.mlp.c_fc', 'weights-of-another-layer')
class _(Bug):
    """The second block's c_fc has the first block's weights."""
    @classmethod
    def trace(cls, root, image):
        blocks = root.visual.transformer.resblocks
        own = blocks[1].mlp.c_fc
        blocks[1].mlp.c_fc = blocks[0].mlp.c_fc.__class__(own.weight.shape[1], own.weight.shape[0])
        blocks[1].mlp.c_fc.load_state_dict(blocks[0].mlp.c_fc.state_dict())
        blocks[1].mlp.c_fc.at = own.at
        seen = trace(root, cls(), image)
        blocks[1].mlp.c_fc = own
        return seen


@bug('wrong-bn-weights', 'visual.layer1.0.bn2', 'weights-of-another-layer', RN)
class _(Bug):
    """bn2 is given bn1's parameters."""
    @classmethod
    def trace(cls, root, image):
        block = root.visual.layer1[0]
        kept = {k: v.clone() for k, v in block.bn2.state_dict().items()}
        block.bn2.load_state_dict(block.bn1.state_dict())
        seen = trace(root, cls(), image)
        block.bn2.load_state_dict(kept)
        return seen


# Attention

@bug('q-k-swapped', BLOCK0 + '.attn')
class _(Bug):
    def in_proj(self, x, m, at):
        q, k, v = super().in_proj(x, m, at)
        return k, q, v


@bug('k-v-swapped', BLOCK0 + '.attn')
class _(Bug):
    def in_proj(self, x, m, at):
        q, k, v = super().in_proj(x, m, at)
        return q, v, k


@bug('pool-q-k-swapped', 'visual.attnpool', 'q-k-swapped', RN)
class _(Bug):
    def linear(self, x, weight, bias, at):
        pool = self.pool
        other = {'visual.attnpool.q_proj': pool.k_proj, 'visual.attnpool.k_proj': pool.q_proj}.get(at)
        return F.linear(x, weight, bias) if other is None else F.linear(x, other.weight, other.bias)

    @classmethod
    def trace(cls, root, image):
        cls.pool = root.visual.attnpool
        return trace(root, cls(), image)


ATTENTION = {VIT: BLOCK0 + '.attn', RN: 'visual.attnpool'}


@bug('missing-scale', ATTENTION, 'attention-scale-missing')
class _(Bug):
    def scores(self, q, k, at):
        return q @ k.transpose(-1, -2)


@bug('scale-twice', ATTENTION, 'attention-scale-twice')
class _(Bug):
    def scores(self, q, k, at):
        return q @ k.transpose(-1, -2) / q.shape[-1]


@bug('scale-by-width', ATTENTION, 'attention-scale-of-width')
class _(Bug):
    """1 / sqrt(D) of the whole width instead of the head's."""
    def scores(self, q, k, at):
        return q @ k.transpose(-1, -2) * (q.shape[-1] * q.shape[1]) ** -0.5


@bug('one-head', ATTENTION, 'attention-heads-1')
class _(Bug):
    def heads(self, width, at):
        return 1


@bug('heads-of-32', ATTENTION, ['attention-heads-4', 'attention-heads-8'])
class _(Bug):
    def heads(self, width, at):
        return width // 32


@bug('causal-mask', BLOCK0 + '.attn', 'causal-mask')
class _(Bug):
    """The text tower's mask in the image tower."""
    def scores(self, q, k, at):
        s = super().scores(q, k, at)
        return s + torch.full(s.shape[-2:], float('-inf')).triu(1)


@bug('softmax-over-queries', BLOCK0 + '.attn')
class _(Bug):
    def attention(self, q, k, v, at):
        a = self.heads(q.shape[-1], at)
        split = lambda x: x.reshape(x.shape[0], x.shape[1], a, -1).transpose(1, 2)
        return self.mix(torch.softmax(self.scores(split(q), split(k), at), -2), split(v), at).transpose(1, 2).reshape(q.shape)


# Tokens and structure

@bug('no-positional-embedding', 'visual.ln_pre', 'positional-embedding-missing')
class _(Bug):
    def tokens(self, grid, class_embedding, positions):
        return torch.cat([class_embedding.expand(grid.shape[0], 1, -1), grid], 1)


@bug('positions-off-by-one', 'visual.ln_pre', 'positional-embedding-shifted')
class _(Bug):
    """Each token has the next one's position, the last the first one's."""
    def tokens(self, grid, class_embedding, positions):
        return torch.cat([class_embedding, grid], 1) + positions.roll(-1, 0)


@bug('class-token-last', 'visual.ln_pre', 'class-token-last')
class _(Bug):
    """Patches first, the class token behind them; positions in their own order."""
    def tokens(self, grid, class_embedding, positions):
        return torch.cat([grid, class_embedding], 1) + positions


@bug('patches-column-major', 'visual.ln_pre', 'patches-in-columns')
class _(Bug):
    """Patches are numbered down the columns."""
    def tokens(self, grid, class_embedding, positions):
        side = int(grid.shape[1] ** 0.5)
        turned = grid.reshape(grid.shape[0], side, side, -1).transpose(1, 2).reshape(grid.shape)
        return torch.cat([class_embedding, turned], 1) + positions


@bug('missing-residual', BLOCK1 + '.ln_2', 'residual-missing')
class _(Bug):
    """The second block forgets x + attn(...)."""
    def residual(self, x, branch, at):
        return branch if at == BLOCK1 + '.attn' else x + branch


@bug('missing-residual-bottleneck', 'visual.layer2.1.relu3', 'residual-missing', RN)
class _(Bug):
    def residual(self, x, branch, at):
        return branch if at == 'visual.layer2.1' else x + branch


@bug('missing-residual-mlp', BLOCK0, 'residual-missing')
class _(Bug):
    def residual(self, x, branch, at):
        return branch if at.endswith('.mlp') else x + branch


@bug('post-norm', BLOCK0 + '.ln_1', 'layernorm-after')
class _(Bug):
    """ln_1(x + attn(x)), as the first transformers had it."""
    def block(self, block, x):
        x = block.ln_1(x + block.attn(x))
        return block.ln_2(x + block.mlp(x))


@bug('mean-pooling', 'visual.ln_post', 'mean-pooling')
class _(Bug):
    """The mean of all tokens instead of the class token."""
    def pooled_token(self, x):
        return x.mean(0)


@bug('last-token', 'visual.ln_post', 'last-token')
class _(Bug):
    def pooled_token(self, x):
        return x[-1]


@bug('missing-ln-post', 'visual', 'norm-missing')
class _(Bug):
    def ln_post(self, module, x):
        return x


@bug('normalized-features', {VIT: 'visual', RN: 'visual'}, 'features-normalized')
class _(Bug):
    def features(self, x):
        return F.normalize(x)


@bug('missing-relu', 'visual.layer1.0.relu2', 'relu-missing', RN)
class _(Bug):
    def relu(self, x, at):
        return x if at == 'visual.layer1.0.relu2' else F.relu(x)


@bug('relu6', 'visual.relu1', ['relu6-for-relu'], RN)
class _(Bug):
    """MobileNet's ReLU."""
    def relu(self, x, at):
        return x.clamp(0, 6)


@bug('max-pool', 'visual.avgpool', 'max-pool-for-average-pool', RN)
class _(Bug):
    """torchvision's stem has a max pool."""
    def avg_pool(self, x, kernel, at):
        return F.max_pool2d(x, kernel) if at == 'visual.avgpool' else super().avg_pool(x, kernel, at)


@bug('stride-for-pool', 'visual.layer2.0.avgpool', 'stride-for-average-pool', RN)
class _(Bug):
    """Every second pixel instead of the average of four, as a strided convolution gives it."""
    def avg_pool(self, x, kernel, at):
        return x[:, :, ::kernel, ::kernel] if '.layer' in at else super().avg_pool(x, kernel, at)


@bug('torchvision-bottleneck', 'visual.layer2.0.conv2', 'stride-in-convolution', RN)
class _(Bug):
    """The 3x3 convolution strides and there is no pool, as in torchvision."""
    def conv2d(self, x, weight, stride, padding, at):
        strided = at.endswith('.0.conv2') and not at.startswith('visual.layer1')
        return F.conv2d(x, weight, None, 2 if strided else stride, padding)

    def avg_pool(self, x, kernel, at):
        return x if '.layer' in at and not at.endswith('-1') else super().avg_pool(x, kernel, at)


@bug('torchvision-bottleneck-by-blocks', 'visual.layer2.0', 'stride-in-convolution', RN)
class _(BUGS['torchvision-bottleneck']):
    """The same, in a dump of the blocks' outputs alone."""
    @classmethod
    def trace(cls, root, image):
        return by_blocks(super().trace(root, image))


@bug('padding-off-by-one', 'visual.conv2', 'padding-shifted', RN)
class _(Bug):
    """Two rows and columns of zeros behind, none in front."""
    def conv2d(self, x, weight, stride, padding, at):
        if padding == 1 and stride == 1:
            return F.conv2d(F.pad(x, (0, 2, 0, 2)), weight, None, stride)
        return super().conv2d(x, weight, stride, padding, at)


@bug('padding-same-tensorflow', 'visual.conv1', 'padding-shifted', RN)
class _(Bug):
    """SAME padding of a strided convolution: the odd zero comes behind."""
    def conv2d(self, x, weight, stride, padding, at):
        if padding == 1 and stride == 2:
            return F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, None, stride)
        return super().conv2d(x, weight, stride, padding, at)


@bug('padding-replicated', 'visual.layer1.0.conv2', 'padding-replicated', RN)
class _(Bug):
    """The border is repeated instead of zeros, in one layer."""
    def conv2d(self, x, weight, stride, padding, at):
        if at == 'visual.layer1.0.conv2':
            return F.conv2d(F.pad(x, (1, 1, 1, 1), mode='replicate'), weight, None, stride)
        return super().conv2d(x, weight, stride, padding, at)


@bug('pool-without-mean-token', 'visual.attnpool', 'attention-pool-without-mean-token', RN)
class _(Bug):
    """The mean asks, but does not answer."""
    def pool_tokens(self, grid, positions):
        query, x = super().pool_tokens(grid, positions)
        return query, x[:, 1:]


@bug('pool-first-patch-asks', 'visual.attnpool', 'attention-pool-first-patch-asks', RN)
class _(Bug):
    def pool_tokens(self, grid, positions):
        _, x = super().pool_tokens(grid, positions)
        return x[:, 1:2], x


@bug('pool-no-positions', 'visual.attnpool', 'positional-embedding-missing', RN)
class _(Bug):
    def pool_tokens(self, grid, positions):
        return super().pool_tokens(grid, torch.zeros_like(positions))


@bug('pool-missing-c-proj-bias', 'visual.attnpool', 'bias-missing', RN)
class _(Bug):
    def linear(self, x, weight, bias, at):
        return F.linear(x, weight, None if at.endswith('.c_proj') else bias)


# Dumps with little in them

@bug('gelu-tanh-by-blocks', BLOCK0, 'tanh-gelu-for-quickgelu')
class _(BUGS['gelu-tanh']):
    @classmethod
    def trace(cls, root, image):
        return by_blocks(super().trace(root, image))


@bug('missing-relu-by-blocks', 'visual.layer1.0', 'relu-missing', RN)
class _(BUGS['missing-relu']):
    @classmethod
    def trace(cls, root, image):
        return by_blocks(super().trace(root, image))


@bug('q-k-swapped-features-only', 'visual', 'q-k-swapped')
class _(BUGS['q-k-swapped']):
    @classmethod
    def trace(cls, root, image):
        return {name: x for name, x in super().trace(root, image).items() if name in ('image', 'visual')}


@bug('batchnorm-eps-features-only', 'visual', 'batchnorm-eps-1e-3', RN)
class _(BUGS['batchnorm-eps-1e-3']):
    @classmethod
    def trace(cls, root, image):
        return {name: x for name, x in super().trace(root, image).items() if name in ('image', 'visual')}
