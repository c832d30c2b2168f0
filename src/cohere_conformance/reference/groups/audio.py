"""Audio: what is said in a recording, as far as a stand-in can tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import audio_file, models, validation
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.words import number

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call, FormPart

EMPTY = fault("audio.empty-text", "The text is empty, whatever is said.")
MISSING = fault("audio.text-missing", "The answer has no text.")
NULL = fault("audio.text-null", "The text is null.")
ORDER_IGNORED = fault("audio.order-ignored", "The file may come before the other parts of the form.")
EXTRA = fault("audio.extra-meta", "The answer has an id and tells what is billed.")
SEGMENTS = fault("audio.text-as-list", "The text comes as a list of words.")
RANDOM = fault("audio.not-deterministic", "The text of a recording differs from call to call.")
HALLUCINATES = fault("audio.silence-heard", "Silence is answered with a long text.")
LANGUAGE_IGNORED = fault("audio.language-ignored", "Languages that the model does not know are accepted.")
CONTAINER = fault("audio.container-matters", "The text depends on the kind of the file as well.")
DAMAGED = fault("audio.damaged-accepted", "Files that are no recordings are transcribed.")

LARGEST = 25 * 2**20
"""Bytes of a file (AUD-R02)."""
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
_LANGUAGES = {
    "cohere-transcribe-03-2026": frozenset(_VOCABULARY),
    "cohere-transcribe-arabic-07-2026": frozenset({"ar", "en"}),
}
_FIELDS = frozenset({"model", "language", "temperature", "file"})


@operation("POST /v2/audio/transcriptions", beside="large")
def transcribe(call: Call) -> JsonResponse:
    """Answer with the text of a recording, and with nothing else (AUD-S01)."""
    file = _file(call)
    fields = {part.name: part.text for part in call.form if part is not file}
    for name in ("model", "language"):
        if not fields.get(name):
            raise ApiError(400, f"{name} parameter is required")
    language = _language(call, fields["model"], fields["language"])
    _temperature(fields.get("temperature"))
    if len(file.content) > LARGEST:
        raise ApiError(400, f"invalid request: the file is larger than {LARGEST} bytes")
    text = _text(call, file, language)
    if call.faulty(EMPTY):
        text = ""
    body: dict[str, Any] = {"text": text.split() if call.faulty(SEGMENTS) else text}
    if call.faulty(MISSING):
        body = {}
    if call.faulty(NULL):
        body = {"text": None}
    if call.faulty(EXTRA):
        body = {"id": new_id(), **body, "meta": {"billed_units": {"seconds": 1}}}
    return JsonResponse(body)


def _file(call: Call) -> FormPart:
    """Return the file; the other parts of the form stand before it (AUD-R03).

    Raises:
        ApiError: 400, there is none, or it is not the last part; 422, there are parts that nobody knows.
    """
    if not call.form:
        raise ApiError(400, "invalid request: expected a form of the type multipart/form-data")
    for part in call.form:
        if part.name not in _FIELDS and not call.faulty(validation.SWALLOWED):
            raise ApiError(422, f"unknown field: parameter '{part.name}' is not a valid field")
    indexes = [index for index, part in enumerate(call.form) if part.name == "file"]
    if not indexes or call.form[indexes[0]].filename is None:
        raise ApiError(400, "invalid request: file is required, as a part with a file name")
    if indexes[0] != len(call.form) - 1 and not call.faulty(ORDER_IGNORED):
        raise ApiError(400, "invalid request: form fields must appear before the file part")
    return call.form[indexes[0]]


def _language(call: Call, name: str, language: str) -> str:
    model = models.find(name, call.state)
    known = _LANGUAGES.get(model.name, frozenset(_VOCABULARY))
    if model.name not in _LANGUAGES and name in models.MODELS:
        raise ApiError(400, f"model '{name}' is not supported by the transcriptions endpoint")
    if language not in known:
        if call.faulty(LANGUAGE_IGNORED):
            return "en"
        told = ", ".join(sorted(known))
        raise ApiError(400, f"invalid request: language must be one of {told}, got '{language[:20]}'")
    return language


def _temperature(told: str | None) -> None:
    try:
        warm = 0.0 if told is None else float(told)
    except ValueError:
        warm = math.nan
    if not 0 <= warm <= 1:  # not a number is no number between them either
        raise ApiError(400, "invalid request: temperature must be between 0 and 1")


def _text(call: Call, file: FormPart, language: str) -> str:
    """Return what a recording says: as many words as it is long, chosen by its samples."""
    try:
        recording = audio_file.read(file.content)
    except audio_file.UnreadableAudioError as error:
        if not call.faulty(DAMAGED):
            raise ApiError(400, f"invalid audio file: {error}") from error
        recording = audio_file.AudioRecording("", 1.0, silent=False)
    if recording.silent:
        if not call.faulty(HALLUCINATES):
            return ""
        recording = audio_file.AudioRecording(recording.mark, 60.0, silent=False)
    mark = new_id() if call.faulty(RANDOM) else recording.mark
    if call.faulty(CONTAINER):
        mark += file.content[:4].hex()
    many = min(_MOST_WORDS, max(1, round(recording.seconds * _WORDS_A_SECOND)))
    vocabulary = _VOCABULARY[language].split()
    start = number(mark)
    chosen = [vocabulary[(start + number(mark, n) % 3 + n) % len(vocabulary)] for n in range(many)]
    if language in _UNSPACED:
        return f"{''.join(chosen)}。"
    said = " ".join(chosen)
    return f" {said[0].upper()}{said[1:]}."
