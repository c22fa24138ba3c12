"""A small server around the handler.py of a model's folder, for benchmarks/handler_load.py.

With --toolkit, it is Hugging Face's own server for Inference Endpoints. The folder's code is the
only code of FiLA-Video that either of them imports.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any


def plain_app(folder: Path) -> Any:
    """An application that gives each request to the handler in a thread."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    sys.path.insert(0, str(folder))
    from handler import EndpointHandler  # type: ignore[import-not-found]

    handler = EndpointHandler(str(folder))

    async def predict(request: Any) -> Any:
        try:
            return JSONResponse(await run_in_threadpool(handler, await request.json()))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    async def health(request: Any) -> Any:
        return JSONResponse("Ok")

    return Starlette(routes=[Route("/", predict, methods=["POST"]), Route("/health", health)])


def toolkit_app(folder: Path) -> Any:
    """The application of huggingface-inference-toolkit 0.5.6, which needs a Starlette before 1.0."""
    import transformers.file_utils

    # The toolkit asks there whether there is TensorFlow, of which Transformers 5 knows nothing.
    if not hasattr(transformers.file_utils, "is_tf_available"):
        transformers.file_utils.is_tf_available = lambda: False  # type: ignore[attr-defined]
    os.environ["HF_MODEL_DIR"] = str(folder)
    from huggingface_inference_toolkit.webservice_starlette import app  # type: ignore[import-not-found]

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of a model with handler.py")
    parser.add_argument("port", type=int, help="port of this machine to listen on")
    parser.add_argument("--toolkit", action="store_true", help="use the server of huggingface-inference-toolkit")
    arguments = parser.parse_args()
    import uvicorn

    app = (toolkit_app if arguments.toolkit else plain_app)(arguments.folder.resolve())
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="info")


if __name__ == "__main__":
    main()
