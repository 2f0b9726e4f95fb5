"""Settings, and the house that they open."""

import stat
import threading

import pytest

from echs.config.app_context import open_app_context, secret_key
from echs.config.settings import BadConfiguration, Settings, read_settings


def errors(environment) -> list[str]:
    with pytest.raises(BadConfiguration) as caught:
        read_settings(environment)
    return caught.value.errors


def test_nothing_need_be_set():
    settings = read_settings({"PATH": "/bin"})
    assert (str(settings.data_dir), settings.database_url, settings.public_url) == ("data", None, None)


def test_every_error_is_told_at_once_and_no_secret_with_it():
    told = errors(
        {
            "ECHS_PUBLIC_URL": "ftp://x",
            "ECHS_SECRET_KEY": "too short",
            "ECHS_MAX_RECORDS_PER_UPLOAD": "-1",
            "ECHS_MAX_RECORDS": "1",
            "ECHS_DATABASE_URL_FILE": "/does/not/exist",
        }
    )
    assert sorted(line.partition(":")[0] for line in told) == [
        "ECHS_DATABASE_URL_FILE",
        "ECHS_MAX_RECORDS",
        "ECHS_MAX_RECORDS_PER_UPLOAD",
        "ECHS_PUBLIC_URL",
        "ECHS_SECRET_KEY",
    ]
    assert "too short" not in "".join(told)


def test_a_secret_comes_from_a_file_too(tmp_path):
    file = tmp_path / "secret"
    file.write_text("0123456789" * 4 + "\n")
    settings = read_settings({"ECHS_SECRET_KEY_FILE": str(file)})
    assert settings.secret_key.get_secret_value() == "0123456789" * 4
    assert "0123" not in repr(settings)
    assert "not both" in errors({"ECHS_SECRET_KEY_FILE": str(file), "ECHS_SECRET_KEY": "y" * 40})[0]


def test_an_empty_variable_is_one_that_is_not_set():
    assert read_settings({"ECHS_PUBLIC_URL": "", "ECHS_DATABASE_URL": ""}) == read_settings({})


def test_an_empty_file_of_a_secret_is_an_error_and_not_a_default(tmp_path):
    (tmp_path / "empty").touch()
    assert errors({"ECHS_DATABASE_URL_FILE": str(tmp_path / "empty")}) == ["ECHS_DATABASE_URL_FILE: the file is empty"]
    assert read_settings({"ECHS_SECRET_KEY_FILE": "", "ECHS_SECRET_KEY": ""}) == read_settings({})


@pytest.mark.parametrize("url", ["https://echs.example.org", "http://127.0.0.1:8080", "https://x.org/echs/"])
def test_a_public_address_is_kept_without_a_slash_at_its_end(url):
    assert read_settings({"ECHS_PUBLIC_URL": url}).public_url == url.rstrip("/")


@pytest.mark.parametrize("url", ["echs.example.org", "https://", "https://x?y", "javascript:alert(1)"])
def test_what_is_no_public_address_is_refused(url):
    assert errors({"ECHS_PUBLIC_URL": url})


def test_a_secret_key_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    settings = read_settings({"ECHS_DATA_DIR": str(tmp_path / "data")})
    first = open_app_context(settings)
    second = open_app_context(settings)
    assert first.link_key == second.link_key
    file = tmp_path / "data" / "secret-key"
    assert len(file.read_text()) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == ["echs.sqlite3", "secret-key"]


def test_starters_at_the_same_time_agree_on_the_key(tmp_path):
    settings = read_settings({"ECHS_DATA_DIR": str(tmp_path)})
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(settings))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(keys) == 16
    assert len(set(keys)) == 1


def test_a_data_directory_that_cannot_be_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadConfiguration, match="ECHS_DATA_DIR"):
        open_app_context(read_settings({"ECHS_DATA_DIR": str(tmp_path / "file" / "data")}))


def test_a_database_url_of_another_kind_is_a_sentence_without_its_password(tmp_path):
    settings = read_settings({"ECHS_DATA_DIR": str(tmp_path), "ECHS_DATABASE_URL": "mysql://u:canary@h/d"})
    with pytest.raises(BadConfiguration, match="ECHS_DATABASE_URL") as caught:
        open_app_context(settings)
    assert "canary" not in str(caught.value)


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "url",
    ["https://x y", "https://x:99999999", "https://user:geheim@x", 'https://x/"><b>', "https://", "https://x:0"],
)
def test_an_address_that_cannot_be_one_is_refused(url):
    with pytest.raises(BadConfiguration) as refused:
        read_settings({"ECHS_PUBLIC_URL": url})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("name", ["ECHS_MAX_LOGINS_PER_PARTNER", "ECHS_MAX_RECORDS_PER_UPLOAD", "ECHS_MIN_FREE_BYTES"])
def test_a_number_that_no_store_can_count_is_refused(name):
    with pytest.raises(BadConfiguration, match=name):
        read_settings({name: "9" * 30})


@pytest.mark.parametrize("key", ["", "short", " " * 40])
def test_a_secret_key_that_can_be_guessed_is_refused_wherever_it_stands(tmp_path, key):
    if key.strip() != key or len(key) == 5:
        with pytest.raises(BadConfiguration):
            read_settings({"ECHS_SECRET_KEY": key})
    (tmp_path / "secret-key").write_text(key)
    with pytest.raises(BadConfiguration, match="characters"):
        open_app_context(read_settings({"ECHS_DATA_DIR": str(tmp_path)}))


def test_a_secret_key_of_one_letter_again_and_again_is_refused_wherever_it_stands(tmp_path):
    with pytest.raises(BadConfiguration, match="easy to guess"):
        read_settings({"ECHS_SECRET_KEY": "a" * 32})
    (tmp_path / "secret-key").write_text("a" * 64)
    with pytest.raises(BadConfiguration, match="easy to guess"):
        open_app_context(read_settings({"ECHS_DATA_DIR": str(tmp_path)}))
