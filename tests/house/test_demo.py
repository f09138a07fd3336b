"""The demonstration, as an operator runs it."""

from house.premises import clarion, short_folder


def test_it_shows_everything_and_ends_with_0():
    with short_folder() as folder:
        done = clarion("demo", "--once", environment={"CLARION_DEMO_DIR": str(folder / "demo")})
        log = (folder / "demo" / "server.log").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + log
    assert done.stdout.count("✔") == 7
    assert "read by 1 of 2; unread: Cai" in done.stdout
    assert "read by 2 of 2" in done.stdout
    assert "SCRAM-SHA-256" in done.stdout
    assert "Traceback" not in log
    for password in ("ann-demo", "bob-demo", "cai-demo"):
        assert password not in log


def test_a_folder_of_somebody_elses_is_left_alone():
    with short_folder() as folder:
        (folder / "thesis.txt").write_text("years of work")
        done = clarion("demo", "--once", environment={"CLARION_DEMO_DIR": str(folder)})
        assert done.returncode == 1
        assert (folder / "thesis.txt").read_text() == "years of work"
