"""The checkpoint from which a killed run resumes."""

from fila_video.training.checkpoints import last_whole_checkpoint, steps_done


def write(folder, state: str | None) -> None:
    folder.mkdir()
    if state is not None:
        (folder / "trainer_state.json").write_text(state)


def test_the_newest_checkpoint_by_number_not_by_name(tmp_path):
    write(tmp_path / "checkpoint-9", '{"global_step": 9}')
    write(tmp_path / "checkpoint-10", '{"global_step": 10}')
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_an_incomplete_checkpoint_is_passed_over(tmp_path):
    write(tmp_path / "checkpoint-5", '{"global_step": 5}')
    write(tmp_path / "checkpoint-10", '{"global_st')
    write(tmp_path / "checkpoint-15", None)
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-5"


def test_nothing_there(tmp_path):
    assert last_whole_checkpoint(tmp_path / "none") is None
    assert steps_done(tmp_path) is None
