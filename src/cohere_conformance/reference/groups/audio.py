"""Audio: a made-up transcription, which is always the same for the same recording and language."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cohere_conformance.reference import audio_file, models, validation
from cohere_conformance.reference.groups import audio_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.words import number

if TYPE_CHECKING:
    from cohere_conformance.reference.audio_file import AudioRecording
    from cohere_conformance.reference.handling import Call, UploadedPart

LARGEST = 25 * 2**20
"""The maximum size of a file in bytes (AUD-R02)."""
_WORDS_A_SECOND = 2.0
_MOST_WORDS = 200
_VOCABULARY = {
    "en": "the ferry leaves from second pier today not first and we wait here until noon",
    "fr": "le bateau part du second quai ce matin et nous restons encore un peu",
    "de": "heute legt die Fähre vom zweiten Steg ab und wir warten noch bis Mittag",
    "es": "el barco sale hoy del segundo muelle y esperamos un poco hasta mediodía",
    "it": "il battello parte oggi dal secondo molo e noi aspettiamo fino a mezzogiorno",
    "pt": "o barco sai hoje do segundo cais e esperamos um pouco até meio-dia",
    "nl": "de boot vertrekt vandaag van de tweede steiger en wij wachten nog even",
    "pl": "prom odpływa dzisiaj z drugiego pomostu a my czekamy jeszcze do południa",
    "el": "το πλοίο φεύγει σήμερα από την δεύτερη αποβάθρα και περιμένουμε λίγο ακόμα",
    "ar": "تغادر العبارة اليوم من الرصيف الثاني ونحن ننتظر هنا حتى الظهر",
    "ja": "船は 今日 二番 桟橋 から 出ます 私たちは 正午 まで 待ちます",
    "ko": "배는 오늘 두번째 부두에서 떠나고 우리는 정오까지 여기서 기다립니다",
    "vi": "hôm nay tàu rời bến thứ hai và chúng tôi chờ ở đây đến trưa",
    "zh": "渡船 今天 从 第二 码头 出发 我们 在 这里 等 到 中午",
}
_UNSPACED = frozenset({"ja", "zh"})
_FIELDS = frozenset({"model", "language", "temperature", "file"})


@operation("POST /v2/audio/transcriptions", in_thread="large")
def transcribe(call: Call) -> JsonResponse:
    """Return the text of a recording, and nothing else (AUD-S01)."""
    file = _file(call)
    fields = {part.name: part.text for part in call.form if part is not file}
    for name in ("model", "language"):
        if not fields.get(name):
            raise ApiError(400, f"{name} parameter is required")
    language = _language(call, fields["model"], fields["language"])
    _check_temperature(fields.get("temperature"))
    if len(file.content) > LARGEST:
        raise ApiError(400, f"invalid request: the file is larger than {LARGEST} bytes")
    recording = inject(call, faults.RECORDING, _recording(call, file))
    return JsonResponse(inject(call, faults.BODY, {"text": _text(recording, language)}))


def _file(call: Call) -> UploadedPart:
    """Return the file, which has to be the last part of the form (AUD-R03).

    Raises:
        ApiError: 400, there is no file, or it is not the last part; 422, a part is unknown.
    """
    if not call.form:
        raise ApiError(400, "invalid request: expected a form of the type multipart/form-data")
    for part in call.form:
        if part.name not in _FIELDS and not call.faulty(validation.SWALLOWED):
            raise ApiError(422, f"unknown field: parameter '{part.name}' is not a valid field")
    indexes = [index for index, part in enumerate(call.form) if part.name == "file"]
    if not indexes or call.form[indexes[0]].filename is None:
        raise ApiError(400, "invalid request: file is required, as a part with a file name")
    if indexes[0] != len(call.form) - 1 and not call.faulty(faults.ORDER_IGNORED):
        raise ApiError(400, "invalid request: form fields must appear before the file part")
    return call.form[indexes[0]]


def _language(call: Call, name: str, language: str) -> str:
    model = models.find(name, call.state)
    known = model.facts.languages or tuple(_VOCABULARY)
    if not model.facts.serves("transcriptions") and name in models.MODELS:
        raise ApiError(400, f"model '{name}' is not supported by the transcriptions endpoint")
    if language not in known:
        if call.faulty(faults.LANGUAGE_IGNORED):
            return "en"
        codes = ", ".join(sorted(known))
        raise ApiError(400, f"invalid request: language must be one of {codes}, got '{language[:20]}'")
    return language


def _check_temperature(text: str | None) -> None:
    try:
        temperature = 0.0 if text is None else float(text)
    except ValueError:
        temperature = math.nan
    if not 0 <= temperature <= 1:  # also true of NaN
        raise ApiError(400, "invalid request: temperature must be between 0 and 1")


def _recording(call: Call, file: UploadedPart) -> AudioRecording:
    try:
        return audio_file.read(file.content)
    except audio_file.UnreadableAudioError as error:
        if not call.faulty(faults.DAMAGED):
            raise ApiError(400, f"invalid audio file: {error}") from error
        return audio_file.AudioRecording("", 1.0, silent=False)


def _text(recording: AudioRecording, language: str) -> str:
    """Return the text of a recording: its length decides how many words, its samples which ones."""
    if recording.silent:
        return ""
    many = min(_MOST_WORDS, max(1, round(recording.seconds * _WORDS_A_SECOND)))
    vocabulary = _VOCABULARY[language].split()
    start = number(recording.mark)
    chosen = [vocabulary[(start + number(recording.mark, n) % 3 + n) % len(vocabulary)] for n in range(many)]
    if language in _UNSPACED:
        return f"{''.join(chosen)}。"
    sentence = " ".join(chosen)
    return f" {sentence[0].upper()}{sentence[1:]}."
