"""Speed and memory of ONNX Runtime and of PyTorch on the CPU, in float32.

    python -m benchmarks.onnx --model checkpoints/fila-video-mini --json onnx.json
    python -m benchmarks.onnx --untrained --num-frames 32

Both read the same drawn clip with the same reader and give the same answer. Each measurement is a
fresh process, and the two engines take turns; the table holds medians. `--untrained` measures a
model with random weights instead: a vision tower of the size of SigLIP base patch16-224 and a
language model of the size of Qwen2-0.5B. Needs Linux.

load     seconds until the model can be asked, imports included
encode   seconds to read the clip and to turn it into visual tokens
answer   seconds for the answer: the prompt, and each new token
peak     largest memory of the process
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.process_memory import status_bytes
from benchmarks.video_reading import describe_machine
from fila_video.common.files import write_json
from fila_video.common.loading import loading
from fila_video.common.tables import markdown_table


REPOSITORY = Path(__file__).resolve().parent.parent
ENGINES = ("pytorch", "onnx")
TITLES = {"pytorch": "PyTorch", "onnx": "ONNX Runtime"}
COLUMNS = ("load_seconds", "encode_seconds", "answer_seconds", "peak_mib")
QUESTION = "Describe the video."


def measure(engine: str, options: argparse.Namespace, folders: dict[str, Path], clip: Path) -> dict:
    """Runs one engine in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.onnx", "--engine", engine, "--model", str(folders[engine])]
    command += ["--clip", str(clip), "--num-frames", str(options.num_frames), "--new-tokens", str(options.new_tokens)]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{engine} failed:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def run_engine(engine: str, options: argparse.Namespace) -> dict:
    """Loads a model, encodes the clip and answers; what the fresh process does."""
    start = time.perf_counter()
    encode, answer = (start_onnx if engine == "onnx" else start_pytorch)(options)
    loaded = time.perf_counter()
    video = encode()
    encoded = time.perf_counter()
    text = answer(video)
    answered = time.perf_counter()
    return {
        "load_seconds": loaded - start,
        "encode_seconds": encoded - loaded,
        "answer_seconds": answered - encoded,
        "peak_mib": status_bytes("VmHWM") / 2**20,
        "answer": text,
    }


def start_onnx(options: argparse.Namespace) -> tuple:
    from fila_video.onnx.runner import OnnxVideoAnswerer

    answerer = OnnxVideoAnswerer(options.model)
    return (
        lambda: answerer.encode(options.clip, num_frames=options.num_frames),
        lambda video: answerer.answer(video, QUESTION, max_new_tokens=options.new_tokens),
    )


def start_pytorch(options: argparse.Namespace) -> tuple:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    import fila_video  # noqa: F401  # registers the classes

    with loading(options.model):
        model = AutoModelForImageTextToText.from_pretrained(options.model, dtype=torch.float32).eval()
        processor = AutoProcessor.from_pretrained(options.model)

    @torch.inference_mode()
    def encode():
        (video,) = processor.video_processor.load_videos(options.clip, num_frames=options.num_frames)
        content = [{"type": "video"}, {"type": "text", "text": QUESTION}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        inputs = processor(text=text, videos=[video], return_tensors="pt")
        pixels = inputs.pop("pixel_values_videos")
        return inputs, model.get_video_features(pixels, inputs.pop("video_frame_mask"), return_dict=True)

    def answer(video):
        inputs, features = video
        output = model.generate(
            **inputs, mm_encoder_outputs={"video": features}, max_new_tokens=options.new_tokens, do_sample=False
        )
        return processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    return encode, answer


def write_untrained_model(folder: Path) -> None:
    """Writes a checkpoint with random weights, with the tokenizer of `scratch:tiny`."""
    import torch
    from transformers import AutoTokenizer

    from benchmarks.quantized_model import QWEN2_HALF_BILLION, SIGLIP_BASE
    from configuration_fila import FilaVideoConfig
    from fila_video.conversion.checkpoint_folder import save_config_and_processor
    from fila_video.conversion.scratch import write_scratch_checkpoint
    from modeling_fila import FilaVideoForConditionalGeneration

    write_scratch_checkpoint("tiny", folder / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(folder / "tiny")
    image, video = tokenizer.convert_tokens_to_ids(["<image>", "<video>"])
    config = FilaVideoConfig(
        vision_config=SIGLIP_BASE, text_config=QWEN2_HALF_BILLION, image_token_id=image, video_token_id=video
    )
    torch.manual_seed(0)
    FilaVideoForConditionalGeneration(config).save_pretrained(folder / "untrained")
    save_config_and_processor(folder / "untrained", config, tokenizer)


def table(medians: dict[str, dict]) -> str:
    cells = [
        [TITLES[engine], *(f"{medians[engine][column]:.{0 if column == 'peak_mib' else 2}f}" for column in COLUMNS)]
        for engine in ENGINES
    ]
    return markdown_table(["engine", "load, s", "encode, s", "answer, s", "peak MiB"], cells, align="lrrrr")


def main() -> None:
    options = _parser().parse_args()
    if options.engine:
        print(json.dumps(run_engine(options.engine, options)))
        return
    from fila_video.onnx.export import export_model
    from tests.clips import draw_clip

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model
        if options.untrained:
            write_untrained_model(folder)
            model = folder / "untrained"
        differences = export_model(str(model), folder / "onnx", num_frames=options.num_frames)
        clip = draw_clip(folder / "clip.mp4", seconds=10, fps=30, size=(360, 640))
        folders = {"pytorch": Path(model), "onnx": folder / "onnx"}
        measured: dict[str, list[dict]] = {engine: [] for engine in ENGINES}
        for _ in range(options.repetitions):
            for engine in ENGINES:
                measured[engine].append(measure(engine, options, folders, clip))
    medians = {
        engine: {column: statistics.median(run[column] for run in runs) for column in COLUMNS}
        for engine, runs in measured.items()
    }
    answers = {run["answer"] for runs in measured.values() for run in runs}
    print(table(medians))
    print(f"\nLargest difference in float32: {differences}. Different answers: {len(answers)}.")
    if options.json:
        command = " ".join(["python -m benchmarks.onnx", *sys.argv[1:]])
        write_json(options.json, {"machine": describe_machine(), "command": command, "runs": measured})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=REPOSITORY / "checkpoints/fila-video-mini", help="folder of a model"
    )
    parser.add_argument("--untrained", action="store_true", help="measure a larger model with random weights")
    parser.add_argument("--num-frames", type=int, default=48, help="number of frames sampled from the clip")
    parser.add_argument("--new-tokens", type=int, default=64, help="largest number of new tokens")
    parser.add_argument("--repetitions", type=int, default=5, help="fresh processes of each engine")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
