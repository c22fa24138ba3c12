"""
Serves a model with transformers' own OpenAI-compatible server. `python -m fila_video.serving --help`.

Reading order: `run_server` starts the server, `register_classes` lets it find our classes, `check_requests` refuses
requests that name files of the server.
"""
