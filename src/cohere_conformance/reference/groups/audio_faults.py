"""Faults of audio, by the stage of the handler that they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.audio_file import AudioRecording
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import new_id

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

ORDER_IGNORED = fault("audio.order-ignored", "The file is accepted before the other parts of the form.")
LANGUAGE_IGNORED = fault("audio.language-ignored", "Languages that the model does not support are accepted.")
DAMAGED = fault("audio.damaged-accepted", "A file that is not an audio file is transcribed.")

_Json = dict[str, Any]


def _with_container(recording: AudioRecording, call: Call) -> AudioRecording:
    content = next(part.content for part in call.form if part.name == "file")
    return AudioRecording(recording.mark + content[:4].hex(), recording.seconds, recording.silent)


RECORDING: FaultTable[AudioRecording] = {
    fault("audio.silence-heard", "A silent recording gets a long text."): (
        lambda recording, _: (
            AudioRecording(recording.mark, 60.0, silent=False) if recording.silent else recording
        )
    ),
    fault("audio.not-deterministic", "The text of a recording differs from call to call."): (
        lambda recording, _: AudioRecording(new_id(), recording.seconds, recording.silent)
    ),
    fault("audio.container-matters", "The text depends on the format of the file."): _with_container,
}

BODY: FaultTable[_Json] = {
    fault("audio.empty-text", "The text is empty, whatever the recording."): lambda body, _: {"text": ""},
    fault("audio.text-as-list", "The text is a list of words."): (
        lambda body, _: {"text": body["text"].split()}
    ),
    fault("audio.text-missing", "The response has no text."): lambda body, _: {},
    fault("audio.text-null", "The text is null."): lambda body, _: {"text": None},
    fault("audio.extra-meta", "The response has an id and billed units."): (
        lambda body, _: {"id": new_id(), **body, "meta": {"billed_units": {"seconds": 1}}}
    ),
}
