"""
Publishes the folder of a model to the Hugging Face Hub, and the web page as a Space.

The command is `python -m fila_video.hub publish`.

Reading order: `publish` runs the command. `choose_files` says which files of the folder go to the Hub, `code_files`
which of them are code that the model needs. `stage_folder` writes exactly what is uploaded, with `handler` (for
Inference Endpoints), the requirements and the model card (`card`, `usage`). `check_folder` lets a Python that does not
have this package ask the result a question (`ask_folder`), and `upload` uploads it.

`publish_space` does the same for the web page as a Space, with a model that is on the Hub (`space_model`).
"""
