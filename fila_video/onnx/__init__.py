"""FiLA-Video as ONNX files, and a runner that answers questions with ONNX Runtime, without PyTorch.

Reading order:

    Writing a folder, with PyTorch: `python -m fila_video.onnx export`
      parts             the four parts of the model that become ONNX files
      write_parts       each part through the exporter of transformers
      settings          what the runner needs besides the files
      export            the whole folder, and how much its answers differ from PyTorch's

    Answering, without PyTorch and transformers: `python -m fila_video.onnx ask`
      runner            the video, the scenes, the prompt and the answer
      sessions          the ONNX files, run by ONNX Runtime
      scene_selection   the scenes, in NumPy
      clustering        k-means, in NumPy
      prompt            the token ids of a prompt
"""
