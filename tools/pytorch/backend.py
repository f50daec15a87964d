"""What the layers of clip_torch.py's networks compute, as an object that a planted bug can replace, and traces of such networks.

CLIP's image towers ask a `Backend` for every operation; this one is right. A planted bug (planted_bugs.py) is a Backend that does one thing
differently.
"""
import torch
import torch.nn.functional as F

HEAD_WIDTH = 64
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


class Backend:
    """What the layers compute with. `at` is the module's path."""

    def image(self, x):
        return x

    def conv2d(self, x, weight, stride, padding, at):
        return F.conv2d(x, weight, None, stride, padding)

    def batch_norm(self, x, m, at):
        return F.batch_norm(x, m.running_mean, m.running_var, m.weight, m.bias, False, 0.0, 1e-5)

    def relu(self, x, at):
        return F.relu(x)

    def avg_pool(self, x, kernel, at):
        return F.avg_pool2d(x, kernel) if kernel > 1 else x

    def layer_norm(self, x, weight, bias, at):
        return F.layer_norm(x, weight.shape, weight, bias, 1e-5)

    def linear(self, x, weight, bias, at):
        return F.linear(x, weight, bias)

    def activation(self, x, at):
        return x * torch.sigmoid(1.702 * x)

    def heads(self, width, at):
        return width // HEAD_WIDTH

    def scores(self, q, k, at):
        """q (N,A,T,d), k (N,A,S,d) -> (N,A,T,S), before the softmax"""
        return (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)

    def attention(self, q, k, v, at):
        """(N,T,D) each -> (N,T,D)"""
        a = self.heads(q.shape[-1], at)
        split = lambda x: x.reshape(x.shape[0], x.shape[1], a, -1).transpose(1, 2)
        mixed = self.mix(torch.softmax(self.scores(split(q), split(k), at), -1), split(v), at)
        return mixed.transpose(1, 2).reshape(q.shape)

    def mix(self, p, v, at):
        return p @ v

    def in_proj(self, x, m, at):
        """x (T,N,D) -> q, k, v"""
        return self.linear(x, m.in_proj_weight, m.in_proj_bias, at).chunk(3, -1)

    def residual(self, x, branch, at):
        """`at` names the place: `….attn`, `….mlp`, or the Bottleneck"""
        return x + branch

    def block(self, block, x):
        """A ResidualAttentionBlock, x (T,N,D)"""
        x = self.residual(x, block.attn(block.ln_1(x)), block.attn.at)
        return self.residual(x, block.mlp(block.ln_2(x)), block.mlp.at)

    def tokens(self, grid, class_embedding, positions):
        """grid (N,HW,D), class_embedding (N,1,D) -> (N,T,D)"""
        return torch.cat([class_embedding, grid], 1) + positions

    def pooled_token(self, x):
        """x (T,N,D) -> (N,D)"""
        return x[0]

    def projection(self, x, proj):
        return self.product(x, proj, 'visual')

    def product(self, x, matrix, at):
        return x @ matrix

    def ln_post(self, module, x):
        return module(x)

    def pool_tokens(self, grid, positions):
        """AttentionPool2d: grid (N,HW,C) -> the query's token (N,1,C) and the tokens that answer (N,S,C)"""
        x = torch.cat([grid.mean(1, keepdim=True), grid], 1) + positions
        return x[:, :1], x

    def features(self, x):
        return x


def give_backend(root, backend):
    for module in root.modules():
        module.backend = backend


def trace(root, backend, image, in_place=False):
    """Every module's output by its path, as forward hooks see it. `in_place`: as hooks see it that forget to copy what an in-place ReLU changes."""
    give_backend(root, backend)
    seen = {'image': image}
    handles = [module.register_forward_hook(lambda m, _, y, name=name: seen.__setitem__(name, y if in_place else y.detach().clone()))
               for name, module in root.named_modules() if name]
    with torch.no_grad():
        root.visual(image)
    for handle in handles:
        handle.remove()
    return seen
