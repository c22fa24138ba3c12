"""Runs in the environment with lmms-eval: measures the model with the stock tasks, and writes what the tests look at.

python measure_model.py MODEL FOLDER REPORT.json
"""

import json
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch

from fila_video.evaluation.benchmarks.paper_tasks import EGOSCHEMA_FULL, TABLE1
from fila_video.evaluation.benchmarks.run_tasks import guesses, load_tasks, prepare_environment, run_tasks


prepare_environment()

from lmms_eval.api.instance import Instance  # noqa: E402
from lmms_eval.api.model import lmms  # noqa: E402
from lmms_eval.models import get_model  # noqa: E402

import processing_fila.video_loading as loading  # noqa: E402
from fila_video.evaluation.benchmarks.lmms_eval_model import FilaVideo  # noqa: E402


class Oracle(lmms):
    """Answers with the right option, in a form: its letter, its text, or nonsense."""

    is_simple = False
    loglikelihood = generate_until_multi_round = lambda self, requests: []

    def __init__(self, form):
        super().__init__()
        self.form = form

    def generate_until(self, requests):
        return [self.form.format(**option_of(self.task_dict[task][split][doc], task)) for *_, doc, task, split in
                (request.args for request in requests)]  # fmt: skip


def option_of(doc, task):
    """The letter and the text of the right option of a document."""
    if task.startswith("mvbench"):
        return {"letter": "ABCDE"[doc["candidates"].index(doc["answer"])], "text": doc["answer"]}
    number = {
        "videomme": lambda: "ABCD".index(doc["answer"]),
        "longvideobench": lambda: doc["correct_choice"],
        "mlvu": lambda: "ABCD".index(doc["answer"]),
        "egoschema": lambda: int(doc["answer"]),
        "nextqa": lambda: doc["answer"],
        "perceptiontest": lambda: int(doc["answer_id"]),
    }[task.split("_")[0]]()
    return {"letter": "ABCDE"[number]}


def scores(results):
    """The metrics of all tasks, without those that are no numbers."""
    return {
        leaf: {name: float(value) for name, value in result.metrics.items() if isinstance(value, (int, float))}
        for group in results.values()
        for leaf, result in group.items()
    }


def answers(results):
    return {
        f"{leaf} {sample['doc_id']}": sample["filtered_resps"][0]
        for group in results.values()
        for leaf, result in group.items()
        for sample in result.samples
    }


@contextmanager
def counted(model):
    """Counts how often each video is decoded, and how many are encoded."""
    read, encoded = Counter(), Counter()
    decode, features = loading.VideoReader.sample, model.pipe.model.get_video_features

    def sample(self, *arguments, **options):
        found = decode(self, *arguments, **options)
        read[found.frames.tobytes()] += 1
        return found

    def get_video_features(*arguments, **options):
        encoded["all"] += len(options["pixel_values_videos"])
        return features(*arguments, **options)

    with mock.patch.object(loading.VideoReader, "sample", sample):
        model.pipe.model.get_video_features = get_video_features
        yield read, encoded


def measure_tasks(path, folder, report):
    tasks = load_tasks(TABLE1)
    model = FilaVideo(path, dtype="float32", answers=str(folder / "answers"))
    pipe = model.pipe
    with counted(model) as (read, encoded):
        results = run_tasks(model, tasks)
    report["answers"], report["scores"] = answers(results), scores(results)
    report["read"], report["encoded"] = sorted(read.values()), encoded["all"]
    report["of_pipeline"] = {}
    for group in tasks.values():
        for name, task in group.items():
            for number, doc in enumerate(task.eval_docs):
                (message,) = task.doc_to_messages(doc)
                video, text = message["content"][0]["url"], message["content"][1]["text"]
                tokens = {name: task.config.generation_kwargs.get(name) for name in ("max_new_tokens",)}
                tokens = {name: value for name, value in tokens.items() if value is not None}
                answer = pipe(video, text=text, video_store=None, **tokens)[0]["generated_text"]
                report["of_pipeline"][f"{name} {number}"] = answer
    report["prompts"] = {
        name: task.doc_to_messages(task.eval_docs[0])[0]["content"][1]["text"]
        for group in tasks.values()
        for name, task in group.items()
    }
    return tasks


def measure_oracles(tasks, report):
    report["oracles"] = {}
    for form in ("{letter}", "({letter})", "The best answer is {letter}", "nothing fits", ""):
        results = run_tasks(Oracle(form), tasks)
        report["oracles"][form] = scores(results)
        report.setdefault("guesses", {})[form] = {
            leaf: sum(guesses(result.task, sample["doc"], sample["filtered_resps"]) for sample in result.samples)
            for group in results.values()
            for leaf, result in group.items()
        }


def measure_submission(folder, report):
    """The full set of EgoSchema, with a server of our own in place of the public one."""
    sent = []

    def post(url, json, **options):
        sent.append(json)
        text = "Total result: 2 correct, 1 wrong, 0 missing, 0 invalid, accuracy: 0.6667"
        return mock.Mock(status_code=200, text=text)

    with mock.patch("requests.post", post):
        results = run_tasks(Oracle("{letter}"), load_tasks([EGOSCHEMA_FULL]), folder=folder)
    report["submission"] = {"sent": sent, "score": scores(results)["egoschema"]["submission,none"]}


def request(kind, place, *arguments):
    metadata = {"task": "test", "doc_id": place, "repeats": 1}
    return Instance(request_type=kind, arguments=arguments, idx=0, metadata=metadata)


def measure_likelihoods(model, clip, report):
    """Of several texts, and the same computed from the logits of one pass over prompt and text."""
    texts = [" a red circle", " yes", " 2"]
    question = "What is in the first scene?"
    model.task_dict = {"test": {"test": [{}]}}
    requests = [request("loglikelihood", 0, question, text, lambda doc: [clip], 0, "test", "test") for text in texts]
    report["likelihoods"] = model.loglikelihood(requests)
    pipe, report["likelihoods_of_one_pass"] = model.pipe, []
    content = [{"type": "video", "video": clip}, {"type": "text", "text": question}]
    inputs = pipe.processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    for text in texts:
        ids = pipe.processor.tokenizer(text.strip(), add_special_tokens=False, return_tensors="pt")["input_ids"]
        both = torch.cat([inputs["input_ids"], ids], 1)
        others = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
        with torch.no_grad():
            logits = pipe.model(input_ids=both, **others).logits[0, -ids.shape[1] - 1 : -1].double()
        chosen = logits.log_softmax(-1)[range(ids.shape[1]), ids[0]]
        is_greedy = bool((logits.argmax(-1) == ids[0]).all())
        report["likelihoods_of_one_pass"].append([float(chosen.sum()), is_greedy])


def measure_rounds(model, clip, report):
    """The second round asks about the first answer; there is no third one for the second document."""

    def messages(doc, round_idx=None, previous_output=None, previous_round_info=None):
        if round_idx is None:
            content = [{"type": "video", "url": clip}, {"type": "text", "text": doc["question"]}]
            return [{"role": "user", "content": content}]
        if round_idx >= doc["rounds"]:
            return None, True, previous_output, previous_round_info
        text = f"Is there {previous_output[-1]}? {previous_round_info}"
        content = [{"type": "video", "url": clip}, {"type": "text", "text": text}]
        return [{"role": "user", "content": content}], False, previous_output, round_idx

    docs = [{"question": "What is in the first scene?", "rounds": rounds} for rounds in (3, 1)]
    model.task_dict = {"test": {"test": docs}}
    settings = {"max_new_tokens": 8, "until": ["circle"]}
    requests = [request("generate_until", place, "", messages, settings, place, "test", "test") for place in (0, 1)]
    report["rounds"] = model.generate_until_multi_round(requests)
    report["rounds_of_pipeline"] = []
    for question in (
        docs[0]["question"],
        f"Is there {report['rounds'][0][0]}? None",
    ):
        answer = model.pipe(clip, text=question, max_new_tokens=8)[0]["generated_text"]
        report["rounds_of_pipeline"].append(answer.split("circle")[0])


def measure_unreadable(path, folder, tasks, report):
    """A file that is missing, for which the task ends the program, and one that is no video."""
    home = folder / "huggingface"
    (home / "videomme" / "data" / "two.mp4").unlink()
    (home / "mlvu" / "three.mp4").write_bytes(b"not a video")
    model = FilaVideo(path, dtype="float32", batch_size=2)
    chosen = {name: tasks[name] for name in ("videomme", "mlvu_dev")}
    results = run_tasks(model, chosen)
    report["failures"] = [[given.task, given.document, given.failure] for given in model.failures]
    report["answers_beside_failures"] = answers(results)


def main(path, folder, report_path):
    folder, report = Path(folder), {}
    report["class"] = get_model("fila_video").__name__
    clip = str(folder / "one.mp4")
    tasks = measure_tasks(path, folder, report)
    measure_oracles(tasks, report)
    measure_submission(folder, report)
    model = FilaVideo(path, dtype="float32")
    measure_likelihoods(model, clip, report)
    measure_rounds(model, clip, report)
    measure_unreadable(path, folder, tasks, report)
    Path(report_path).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
