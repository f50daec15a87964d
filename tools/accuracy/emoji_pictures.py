"""Draws pictures of the 1,427 emoji that mini-vit knows, to measure it on pictures that nobody trained with.

    /usr/bin/python3 tools/accuracy/emoji_pictures.py FOLDER [--each 1] [--seed 0] [--labels fixtures/bundled/labels.json] [--font FILE]

As fixtures/bundled/README.md describes the training pictures: an image of Noto Color Emoji over a random background, scaled, turned, blurred, recoloured, compressed, 64 x 64. How far each of these goes was
chosen once, from that sentence and a look at fixtures/pictures, before anything was measured. FOLDER gets 0000-0.jpg (the place of the name in labels.json, and which drawing) and drawn.json, which has what was drawn on each.

Needs Pillow with raqm (sequences such as a heart on fire are ligatures) and numpy, and the font: Debian's python3-pil, libraqm0, python3-numpy and fonts-noto-color-emoji.
The same seed, Pillow and font give the same files.
"""

import argparse
import json
import pathlib
import random

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, features

SIDE = 64
WORK = 256  # drawn at this side, then reduced
STRIKE = 109  # the font holds bitmaps of one size; Pillow asks for it in pixels per em
CELL = 136


def emoji_image(font, sign):
    """The emoji alone, cut to what is not transparent."""
    canvas = Image.new('RGBA', (4 * CELL, 2 * CELL))
    ImageDraw.Draw(canvas).text((CELL // 2, CELL // 4), sign, font=font, embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        raise ValueError(f'the font draws nothing for {sign!r}')
    if box[2] - box[0] > 1.5 * CELL:
        raise ValueError(f'{sign!r} is drawn as several images: Pillow needs raqm, and the font needs to know the sequence')
    return canvas.crop(box)


def colour(dice):
    return tuple(dice.randrange(256) for _ in range(3))


def background(dice):
    """Flat, a gradient, checks, stripes, blobs or noise."""
    kind = dice.choice(['flat', 'gradient', 'checks', 'stripes', 'blobs', 'noise'])
    first, second = colour(dice), colour(dice)
    if kind == 'flat':
        return kind, Image.new('RGB', (WORK, WORK), first)
    if kind == 'gradient':
        ramp = Image.linear_gradient('L').resize((WORK, WORK)).rotate(dice.choice([0, 90, 180, 270]))
        return kind, Image.composite(Image.new('RGB', (WORK, WORK), first), Image.new('RGB', (WORK, WORK), second), ramp)
    if kind == 'noise':
        noise = np.random.Generator(np.random.PCG64(dice.getrandbits(32))).normal(0, dice.uniform(10, 60), (WORK, WORK, 3))
        return kind, Image.fromarray(np.clip(np.array(first) + noise, 0, 255).astype(np.uint8))
    image = Image.new('RGB', (WORK, WORK), first)
    draw = ImageDraw.Draw(image)
    if kind == 'checks':
        step = dice.randrange(12, 64)
        for y in range(0, WORK, step):
            for x in range(0, WORK, step):
                if (x // step + y // step) % 2:
                    draw.rectangle((x, y, x + step - 1, y + step - 1), fill=second)
    elif kind == 'stripes':
        step = dice.randrange(12, 64)
        for x in range(-WORK, 2 * WORK, 2 * step):
            draw.polygon([(x, 0), (x + step, 0), (x + step - WORK // 2, WORK), (x - WORK // 2, WORK)], fill=second)
    else:
        for _ in range(dice.randrange(4, 20)):
            x, y, r = dice.randrange(WORK), dice.randrange(WORK), dice.randrange(10, 60)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(dice))
        image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0, 6)))
    return kind, image


def picture(sign_image, dice):
    """The picture, and what was drawn as far as it makes a picture hard."""
    kind, scene = background(dice)
    turned = sign_image.rotate(dice.uniform(-20, 20), resample=Image.BICUBIC, expand=True)
    scale = dice.uniform(0.5, 0.95) * WORK / max(turned.size)
    size = tuple(max(1, round(extent * scale)) for extent in turned.size)
    turned = turned.resize(size, Image.BICUBIC)
    scene.paste(turned, tuple(dice.randint(0, WORK - extent) for extent in size), turned)
    scene = scene.resize((SIDE, SIDE), Image.BICUBIC)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        scene = enhance(scene).enhance(dice.uniform(0.8, 1.2))
    blur = dice.uniform(0.2, 0.8) if dice.random() < 0.5 else 0
    if blur > 0:
        scene = scene.filter(ImageFilter.GaussianBlur(blur))
    return scene, {'background': kind, 'side': round(max(size) * SIDE / WORK, 1), 'blur': round(blur, 2)}


def main():
    parser = argparse.ArgumentParser(description='Draws pictures of the emoji that mini-vit knows.')
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('--each', type=int, default=1, help='pictures of each emoji')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--labels', type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / 'fixtures/bundled/labels.json')
    parser.add_argument('--font', default='/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf')
    options = parser.parse_args()
    if not features.check('raqm'):
        parser.error('Pillow was built without raqm, or libraqm is not installed: apt-get install libraqm0')
    font = ImageFont.truetype(options.font, STRIKE, layout_engine=ImageFont.Layout.RAQM)
    labels = json.loads(options.labels.read_text(encoding='utf8'))
    options.folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for place, label in enumerate(labels):
        sign = emoji_image(font, label['emoji'])
        for k in range(options.each):
            dice = random.Random(f'{options.seed} {k} {label["name"]}')  # independent of the other names
            scene, about = picture(sign, dice)
            about['quality'] = dice.randrange(50, 96)
            name = f'{place:04d}-{k}.jpg'
            scene.save(options.folder / name, quality=about['quality'])
            pictures[name] = about
    drawn = {'seed': options.seed, 'each': options.each, 'names': len(labels), 'pillow': PIL.__version__, 'freetype': features.version('freetype2'), 'pictures': pictures}
    (options.folder / 'drawn.json').write_text(json.dumps(drawn) + '\n')


main()
