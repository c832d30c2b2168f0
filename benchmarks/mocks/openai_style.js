/*
A mock with canned answers in Express, made out of one of the OpenAI API: the routes are Cohere's.

Mistakes, each with words that say how to recognise its cause:

1. Errors are {"error": {"message", "type", "code"}}. :: error-body OpenAI
2. Complete responses of chat have choices instead of a message. :: response-form Responses /v2/chat
3. Streams have chunks with choices[].delta, and no event lines. :: response-form Streams /v2/chat
4. embed responds with data[].embedding. :: response-form Responses /v2/embed
5. Nothing but the presence of properties is validated. :: topic Values accepted
6. Unknown fields are ignored. :: topic Unknown fields accepted
*/
const express = require("express");

const KNOWN = ["gpt-mock", "embed-mock", "rerank-mock"];
const ENDPOINTS = { "gpt-mock": ["chat"], "embed-mock": ["embed"], "rerank-mock": ["rerank"] };
const TEXT = "This is a canned answer.";
const app = express();

const failure = (response, status, message, type) =>
  response.status(status).json({ error: { message, type, param: null, code: null } });

app.use((request, response, next) => {
  const [scheme, key] = (request.get("authorization") || "").split(" ");
  if (/^bearer$/i.test(scheme) && key && !/invalid|unknown|wrong/i.test(key)) return next();
  return failure(response, 401, "Incorrect API key provided.", "invalid_request_error");
});
app.use(express.json({ limit: "20mb" }));

const needs = (...names) => (request, response, next) => {
  const missing = names.find((name) => (request.body || {})[name] === undefined);
  if (!missing) return next();
  return failure(response, 400, `Missing required parameter: '${missing}'.`, "invalid_request_error");
};

app.post("/v2/chat", needs("model", "messages"), (request, response) => {
  const base = { id: "chatcmpl-7QyqpwdfhqwajicIEznoc6Q47XAyW", created: 1764460000, model: request.body.model };
  if (!request.body.stream) {
    const message = { role: "assistant", content: TEXT };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const usage = { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 };
    return response.json({ ...base, object: "chat.completion", choices, usage });
  }
  response.setHeader("Content-Type", "text/event-stream");
  const send = (delta, finish_reason = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    response.write(`data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices })}\n\n`);
  };
  send({ role: "assistant", content: "" });
  TEXT.split(" ").forEach((word) => send({ content: `${word} ` }));
  send({}, "stop");
  return response.end("data: [DONE]\n\n");
});

app.post("/v2/embed", needs("model", "input_type"), (request, response) => {
  const texts = request.body.texts || (request.body.inputs || []).map(() => "");
  const size = request.body.output_dimension || 1536;
  const data = texts.map((_, index) => ({ object: "embedding", index, embedding: Array(size).fill(0.01) }));
  response.json({ object: "list", data, model: request.body.model, usage: { prompt_tokens: 8, total_tokens: 8 } });
});

app.post("/v2/rerank", needs("model", "query", "documents"), (request, response) => {
  const results = request.body.documents.map((_, index) => ({ index, relevance_score: 1 / (index + 1) }));
  const meta = { api_version: { version: "2" }, billed_units: { search_units: 1 } };
  response.json({ id: "8f0f2f0e-6f0a-4a53-b5f8-4f4a4f2f9d1c", results: results.slice(0, request.body.top_n), meta });
});

const card = (name) => ({
  name, endpoints: ENDPOINTS[name], finetuned: false, context_length: 128000, tokenizer_url: null,
  default_endpoints: [], features: null,
});
app.get("/v1/models", (request, response) => {
  const named = KNOWN.filter((name) => !request.query.endpoint || ENDPOINTS[name].includes(request.query.endpoint));
  response.json({ models: named.map(card) });
});
app.get("/v1/models/:name", (request, response) => {
  if (KNOWN.includes(request.params.name)) return response.json(card(request.params.name));
  return failure(response, 404, `The model '${request.params.name}' does not exist`, "invalid_request_error");
});

app.post("/v1/tokenize", needs("model", "text"), (request, response) => {
  const meta = { api_version: { version: "1" } };
  response.json({ tokens: [2425, 374, 264], token_strings: ["This", " is", " a"], meta });
});

app.use((request, response) => failure(response, 404, `Invalid URL (${request.method} ${request.path})`, "invalid_request_error"));
app.use((error, request, response, next) =>
  failure(response, error.status || 500, error.message, "invalid_request_error"));

app.listen(Number(process.argv[2]), "127.0.0.1");
