"""
Publishes the folder of a model to the Hugging Face Hub. `python -m fila_video.hub publish --help`.

Reading order: `publish` is the command. `choose_files` says which files of the folder go to the Hub, `code_files` which
of them are code that the model needs. `stage_folder` writes exactly what is uploaded, with `handler` (for Inference
Endpoints), the requirements and the model card (`card`, `usage`). `check_folder` lets a Python that does not have this
package ask the result a question (`ask_folder`), and `upload` uploads it.
"""
