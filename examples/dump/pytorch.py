"""A trace from PyTorch: every module's output by its path, as forward hooks see it.

    model, preprocess = clip.load('ViT-B/32', device='cpu')
    dump_trace(model.float(), preprocess(image).unsqueeze(0), 'dump.npz')
"""
import numpy as np
import torch


def dump_trace(model, image, path):
    """model: a CLIP whose image tower is `visual`; image: (N,3,R,R); path: FILE.npz"""
    seen = {'image': image}

    def hook_of(name):
        def hook(module, inputs, output):
            output = output[0] if isinstance(output, tuple) else output  # attention also gives its weights
            seen[name] = output.detach().clone()  # cloned: the ReLU behind a BatchNorm works in place
        return hook

    handles = [module.register_forward_hook(hook_of(f'visual.{name}' if name else 'visual')) for name, module in model.visual.named_modules()]
    try:
        with torch.no_grad():
            model.visual(image)
    finally:
        for handle in handles:
            handle.remove()
    # bfloat16 is unknown to NumPy: float32 holds it exactly. Say --claims bfloat16 all the same.
    np.savez(path, **{name: (x.float() if x.dtype == torch.bfloat16 else x).cpu().numpy() for name, x in seen.items()})
