"""Settings of files that people share."""

from clarion.config.section import Section, setting


class FilesConfig(Section):
    """Uploads: pictures, voice messages, documents."""

    file_bytes: int = setting(
        104_857_600, "The largest file.", unit="bytes", ge=1024, le=1_099_511_627_776
    )
    person_bytes: int = setting(
        10_737_418_240,
        "What one person may have stored.",
        unit="bytes",
        ge=1024,
        le=1_125_899_906_842_624,
    )
    keep_days: int = setting(
        0, "Files older than this are removed; 0: never.", unit="days", ge=0, le=36_500
    )
