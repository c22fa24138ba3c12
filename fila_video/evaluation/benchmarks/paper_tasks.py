"""The columns of the paper's Table 1 as tasks of lmms-eval, and how their samples are judged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import plain_subtitles


Sample = dict[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """
    A benchmark.

    Attributes:
        title: Its name in the paper.
        task: Its task, or group of tasks, in lmms-eval.
        data: Id of its data set on the Hub.
        folder: Folder under `HF_HOME` into which lmms-eval unpacks the videos.
        video: Field of a document that names its video. Questions about a video are not independent.
        result: Field of a sample that holds the task's judgment.
        is_right: Whether that judgment is "correct".
        is_unparsed: Whether it says that no choice was found in the answer. Tasks that then guess at random are
            recognized by that (`guesses.py`).
        group: Field of the judgment whose values count the same, however many samples each has; None if all samples do.
        num_groups: Number of values of that field. Those without samples count as 0, as in lmms-eval.
        revision: Revision of the data set.
        is_linked: Whether the folder is a link to the Hub's cache, so that there is one copy of the videos.
        needs: Modules that the task imports, and that lmms-eval does not bring.
        make: Makes the task, if it is not one of lmms-eval, from the name of the model.
        sends_answers: Whether the task sends the answers to a server to have them judged.
    """

    title: str
    task: str
    data: str
    folder: str
    video: str
    result: str
    is_right: Callable[[Any], bool]
    is_unparsed: Callable[[Any], bool] = lambda judgment: False
    group: str | None = None
    num_groups: int = 0
    revision: str = "main"
    is_linked: bool = False
    needs: tuple[str, ...] = ()
    make: Callable[[str], dict[str, Any]] | None = None
    sends_answers: bool = False


def _is_right_letter(judgment: Any) -> bool:
    return judgment["pred_answer"] == judgment["answer"]


def _has_no_letter(judgment: Any) -> bool:
    return judgment["pred_answer"] == ""


def _finds_no_option(judgment: Any) -> bool:
    """MVBench keeps the answer itself: no option is found if its own rule accepts it for none."""
    from lmms_eval.tasks.mvbench.utils import mcq_acc

    return not any(mcq_acc(letter, judgment["pred_answer"]) for letter in "ABCDE")


VIDEOMME = Benchmark(
    title="VideoMME",
    task="videomme",
    data="lmms-eval/Video-MME",
    folder="videomme",
    video="videoID",
    result="videomme_perception_score",
    is_right=_is_right_letter,
    is_unparsed=_has_no_letter,
    needs=("cv2",),
)
EGOSCHEMA = Benchmark(
    title="EgoSchema",
    task="egoschema_subset",
    data="lmms-eval/egoschema",
    folder="egoschema",
    video="video_idx",
    result="score",
    is_right=lambda judgment: str(judgment["pred"]) == str(judgment["ground_truth"]),
    needs=("requests",),
)
TABLE1 = (
    VIDEOMME,
    replace(VIDEOMME, title="VideoMME, subtitles", task="videomme_w_subtitle"),
    Benchmark(
        title="MVBench",
        task="mvbench",
        data="OpenGVLab/MVBench",
        folder="mvbench_video",
        video="video",
        result="mvbench_accuracy",
        is_right=lambda judgment: bool(judgment["score"]),
        is_unparsed=_finds_no_option,
        revision="video",
        is_linked=True,
    ),
    Benchmark(
        title="LongVideoBench",
        task="longvideobench_val_v",
        data="longvideobench/LongVideoBench",
        folder="datasets/longvideobench",
        video="video_path",
        result="lvb_acc",
        is_right=lambda judgment: judgment["parsed_pred"] == judgment["answer"],
    ),
    Benchmark(
        title="MLVU",
        task="mlvu_dev",
        data="sy1998/MLVU_dev",
        folder="mlvu",
        video="video_name",
        result="mlvu_percetion_score",  # lmms-eval's spelling
        is_right=_is_right_letter,
        is_unparsed=_has_no_letter,
        group="task_type",
        num_groups=7,
    ),
    EGOSCHEMA,
    Benchmark(
        title="NextQA",
        task="nextqa_mc_test",
        data="lmms-eval/NExTQA",
        folder="nextqa",
        video="video",
        result="exact_match",
        is_right=bool,
        needs=("pandas",),
    ),
    Benchmark(
        title="PerceptionTest",
        task="perceptiontest_val_mc",
        data="lmms-eval/PerceptionTest_Val",
        folder="perceptiontest_val",
        video="video_name",
        result="accuracy",
        is_right=lambda judgment: bool(judgment["correct"]),
        is_unparsed=lambda judgment: judgment["pred_id"] == -1,
    ),
)
# The subtitles of all files, not only of those in one form.
ANY_SUBTITLES = replace(
    VIDEOMME, title="VideoMME, any subtitles", task=plain_subtitles.TASK, make=plain_subtitles.make_task
)
# All of EgoSchema. Its labels are not public: a server counts the right answers.
EGOSCHEMA_FULL = replace(
    EGOSCHEMA,
    title="EgoSchema, all",
    task="egoschema",
    result="submission",
    is_right=lambda judgment: False,
    sends_answers=True,
)
ALL = (*TABLE1, ANY_SUBTITLES, EGOSCHEMA_FULL)
GROUPS = {"table1": TABLE1}
NAMES = (*GROUPS, *(benchmark.task for benchmark in ALL))


def find_benchmarks(names: Iterable[str], *, may_submit: bool) -> list[Benchmark]:
    """
    Returns the benchmarks of some names.

    Args:
        names: Tasks, or `"table1"` for all that are in the paper's table.
        may_submit: Whether answers may be sent to a server.

    Raises:
        ValueError: If a name is unknown, or if a task sends its answers to a server and may not.
    """
    found: dict[str, Benchmark] = {}
    for name in names:
        if name not in NAMES:
            raise ValueError(f"{name!r} is not one of the tasks {', '.join(NAMES)}.")
        found |= {each.task: each for each in GROUPS.get(name, ()) or (each for each in ALL if each.task == name)}
    for benchmark in found.values():
        if benchmark.sends_answers and not may_submit:
            raise ValueError(
                f"{benchmark.task} sends all answers to a public server, which counts the right ones. "
                "--submit allows that; egoschema_subset has labels and sends nothing."
            )
    return list(found.values())
