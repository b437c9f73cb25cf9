"""scikit-learn's classifiers of standardized features, imported when they are used.

scikit-learn takes a second to import, which every training would pay otherwise.
"""

from typing import Any

CLASSIFIERS = ('logistic', 'svm')


def make_classifier(kind: str = 'logistic', seed: int = 0, **settings: Any) -> Any:
    """A pipeline with ``fit`` and ``predict`` on NumPy arrays.

    Args:
        kind: 'logistic' or 'svm' (linear).
        seed: of the SVM's order of images.
        **settings: of scikit-learn's LogisticRegression or LinearSVC.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    if kind == 'svm':
        return make_pipeline(StandardScaler(), LinearSVC(random_state=seed, **settings))
    return make_pipeline(StandardScaler(), LogisticRegression(**settings))
