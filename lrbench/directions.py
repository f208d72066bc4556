"""Metric names and the direction in which each is better: one table for everything that guesses by name."""

import re
from collections.abc import Iterator

LOWER = """
    loss losses cost penalty risk regret logloss hinge huber logcosh poisson crossentropy xent
    error errors err mistakes misclassification mse rmse rmsd nrmse mae mape smape wape mase msle rmsle mdape
    nats bits nll perplexity ppl bpb bpc bpd deviance kl kld divergence brier ece eer ter wer cer fpr fnr
    fid kid lpips frechet wasserstein hausdorff distance rank
    time seconds runtime latency duration
"""
HIGHER = """
    accuracy accuracies acc correct score scores reward rewards rew return returns utility success wins
    f1 f2 fbeta f1score auc auroc auprc aucpr precision ap map recall sensitivity specificity tpr tnr mcc kappa
    iou miou dice jaccard r2 d2 ndcg mrr hits likelihood loglik logprob elbo
    bleu sacrebleu rouge meteor cider chrf psnr ssim similarity correlation corr pearson pearsonr spearman
    spearmanr silhouette ari nmi throughput
"""
PHRASES = {  # these decide for all of their words
    "false (positive|negative|alarm|discover|accept|reject|omission)[a-z]*": False,
    "true (positive|negative)s?": True,
    "(log cosh|cross entropy|bits per [a-z]+)": False,
    "(brier|fid|kid) score": False,
    "(io u|r squared|exact match|win rate|explained variance|per sec(ond)?)": True,
}
NEGATIONS = "neg negative negated minus inverse inv reciprocal"  # of what comes after them
NEITHER = """
    std stdev stddev stderr sem var variance
    drop gap reduction improvement increase decrease change delta diff difference ratio
"""  # the spread of a metric, or a change of it: both directions occur

_KNOWN = dict.fromkeys(LOWER.split(), False) | dict.fromkeys(HIGHER.split(), True)
_NEGATIONS, _NEITHER = set(NEGATIONS.split()), set(NEITHER.split())


def higher_is_better(name: str) -> bool | None:
    """Tell from a metric's name whether more of it is better; None where the name does not say.

    Prefixes, splits and spelling do not matter: `val_loss`, `eval/meanReward`, `MeanIoU_1`. A negated metric, such
    as scikit-learn's `neg_mean_squared_error`, is better in the other direction.
    """
    said = set(_directions(_words(name)))
    return said.pop() if len(said) == 1 else None


def _words(name: str) -> str:
    """Return the lower-case words of a name with single blanks between them."""
    name = re.sub(r"^\s*1?\s*[-−]", "minus ", name)  # `1-accuracy`, `-mse`
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def _directions(words: str) -> Iterator[bool | None]:
    """The direction that each known word states; None of one that leaves it open."""
    for phrase, is_gain in PHRASES.items():
        words = re.sub(rf"\b{phrase}\b", "+" if is_gain else "-", words)
    negated = False
    for word in words.split():
        higher = {"+": True, "-": False}.get(word, _KNOWN.get(word, _KNOWN.get(word.rstrip("0123456789"))))
        if word in _NEITHER:
            yield None
        elif word in _NEGATIONS:
            negated = True
        elif higher is not None:
            yield higher is not negated
