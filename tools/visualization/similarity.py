"""Where two images are alike: ``similarity.py CONFIG CHECKPOINT --pair 0 7``.

Each place's share of the cosine between the pooled features of two images of the
sample.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cld_mm  # noqa: F401, I001

import torch

from cld_mm.apis.errors import one_sentence_errors
from cld_mm.apis.launch import load_config
from cld_mm.apis.look import build_model, take_sample
from cld_mm.apis.viewer import check_paths, viewer_parser
from cld_mm.visualization import plot_similarity, similarity_maps


@torch.no_grad()
def main() -> None:
    parser = viewer_parser('Draw where two images are alike.', 'similarity.png')
    parser.add_argument('--pair', type=int, nargs=2, default=[0, 1], metavar='PLACE')
    args = parser.parse_args()
    with one_sentence_errors(args.debug):
        check_paths(args)
        sample = take_sample(load_config(args), args.images)
        if not 0 <= min(args.pair) <= max(args.pair) < len(sample.labels):
            raise ValueError(
                f'--pair {args.pair}: the sample has images 0 to '
                f'{len(sample.labels) - 1}.'
            )
        model = build_model(sample.cfg, args.checkpoint)
        maps = []
        for place in args.pair:
            item = sample.dataset[place]
            batch = {
                'inputs': item['inputs'][None],
                'data_samples': [item['data_samples']],
            }
            inputs = model.data_preprocessor(batch, False)['inputs']
            features = model.backbone(inputs)[-1]
            if features.ndim != 4:
                raise ValueError('this backbone gives no feature map: it pools itself.')
            maps.append(features[0].float().cpu())
        one, two, cosine = similarity_maps(*maps)
        images = (sample.image(args.pair[0]), sample.image(args.pair[1]))
        plot_similarity(images, (one, two), cosine, args.out)
        print(f'cosine {cosine:.4f}\npicture {args.out}')


if __name__ == '__main__':
    main()
