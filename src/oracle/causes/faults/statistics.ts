// Other means and standard deviations that images are normalised with, by channel.

/** torchvision's, for models trained on ImageNet (https://pytorch.org/vision/stable/models.html). */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406];
export const IMAGENET_STD = [0.229, 0.224, 0.225];
