"""The options that the server and the web page share."""

import argparse


def add_server_options(parser: argparse.ArgumentParser, *, port: int, device: str | None) -> None:
    """Adds the model, the address to listen on, and how the model is loaded.

    Args:
        parser: Parser of the command.
        port: Default port.
        device: Default device; None is left to what loads the model.
    """
    parser.add_argument("model", help="folder or Hub id of a FiLA-Video model")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=port, help="port to listen on")
    parser.add_argument("--dtype", default="auto", help="dtype of the weights")
    parser.add_argument("--device", default=device, help="device of the model, such as cpu or cuda:0")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")
