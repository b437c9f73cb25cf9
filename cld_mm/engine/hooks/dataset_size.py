"""DatasetSizeHook: a memory bank belongs to one data set."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from cld_mm.registry import HOOKS


@HOOKS.register_module()
class DatasetSizeHook(Hook):
    """Let the model check the training set's size before training.

    Does nothing for a model without ``check_dataset``.
    """

    def before_train(self, runner) -> None:
        """Raise the model's ValueError where the sizes differ."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if hasattr(model, 'check_dataset'):
            model.check_dataset(len(runner.train_dataloader.dataset))
