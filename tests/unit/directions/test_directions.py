"""The direction of a metric, by its name alone."""

import pytest

from lrbench.directions import HIGHER, LOWER, higher_is_better

COSTS = """
    loss val_loss train/loss valLoss MSELoss loss_1 error top5_error word_error_rate mse rmse
    val_mean_absolute_error mean_squared_logarithmic_error log_cosh kl_divergence
    categorical_crossentropy cross-entropy perplexity bits_per_byte brier_score_loss FID_score
    false_negatives false_positive_rate fpr mean_fit_time train_runtime
"""
GAINS = """
    accuracy val_acc top-1-accuracy sparse_top_k_categorical_accuracy precision val_precision_2 recall auc ROC_AUC
    f1 F1 F1Score f1_macro r2 R2Score d2_absolute r_squared mean_io_u MeanIoU_1 mIoU metrics/mAP50(B)
    true_positives
    sensitivity_at_specificity cosine_similarity val_rougeL bleu-4 meanReward ep_rew_mean mean_test_score
    explained_variance log_likelihood eval_samples_per_second
"""


@pytest.mark.parametrize("name", COSTS.split())
def test_costs_are_better_when_lower(name: str) -> None:
    assert higher_is_better(name) is False


@pytest.mark.parametrize("name", GAINS.split())
def test_gains_are_better_when_higher(name: str) -> None:
    assert higher_is_better(name) is True


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("neg_mean_squared_error", True),
        ("mean_test_neg_mean_squared_error", True),
        ("split0_test_neg_log_loss", True),
        ("neg_brier_score", True),
        ("negRootMeanSquaredError", True),
        ("neg_accuracy", False),
        ("negative_log_likelihood", False),
        ("neg_nll", True),
        ("1-accuracy", False),
        ("1 - auc", False),
        ("-loss", True),
        ("one_minus_accuracy", False),
        ("inverse_rmse", True),
        ("loss_neg", False),
    ],
)
def test_a_negation_turns_what_comes_after_it(name: str, *, higher: bool) -> None:
    assert higher_is_better(name) is higher


@pytest.mark.parametrize(
    "name",
    [
        *("", "x", "closs", "lr", "epoch", "ep_len_mean", "negative_predictive_value"),
        *("accuracy_loss", "mean_score_time", "rank_test_score"),  # words of both kinds
        *("std_test_score", "accuracy_drop", "loss_reduction", "generalization_gap"),  # not the metric itself
    ],
)
def test_a_name_that_does_not_say_is_not_guessed(name: str) -> None:
    assert higher_is_better(name) is None


def test_no_word_is_in_both_tables() -> None:
    assert not set(LOWER.split()) & set(HIGHER.split())
