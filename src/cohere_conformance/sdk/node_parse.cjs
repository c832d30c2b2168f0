// Parses responses with the official TypeScript SDK, on its own code path and without the network.
//
// node node_parse.cjs FOLDER: FOLDER has node_modules/cohere-ai. Each line of the input is a JSON object: methods (paths
// from the client, tried in this order), parameters (of the path), request (body), status, headers, body (base64),
// streamed. Each line of the output is another one: sent (whether a method did so), accept
// (the header that it sent), raised, cause, values. A value is what one schema of the SDK
// made of one JSON value: raw, back (the parsed value, converted to JSON again), errors (paths that its types exclude).
"use strict";
const path = require("node:path");
const readline = require("node:readline");

const root = path.join(path.resolve(process.argv[2]), "node_modules", "cohere-ai");
const sdk = require(root);
const version = require(path.join(root, "package.json")).version;
const LENIENT = {
    unrecognizedObjectKeys: "passthrough",
    allowUnrecognizedUnionMembers: true,
    allowUnrecognizedEnumValues: true,
};
let values = [];

function located({ path: steps, message }) {
    const missing = /^Missing required key "(.*)"$/.exec(message);
    return missing === null ? steps : [...steps, missing[1]];
}

function watch(schemas, seen) {
    for (const name of Object.keys(schemas)) {
        const one = schemas[name];
        if (one === null || typeof one !== "object" || seen.has(one)) continue;
        seen.add(one);
        if (typeof one.parseOrThrow !== "function") {
            watch(one, seen);
            continue;
        }
        const { parseOrThrow, jsonOrThrow } = one;
        one.parseOrThrow = (raw, options) => {
            const parsed = parseOrThrow(raw, options);
            const checked = one.parse(raw, { ...options, skipValidation: false });
            const back = one.json(parsed, { ...LENIENT, skipValidation: true });
            const errors = checked.ok ? [] : checked.errors.map(located);
            values.push({ raw, back: back.ok ? back.value : null, errors });
            return parsed;
        };
        one.jsonOrThrow = (value, options) => {
            try {
                return jsonOrThrow(value, options);
            } catch {
                return value; // the response has to be parsed, whatever the request was
            }
        };
    }
}

function method(client, paths) {
    for (const names of paths) {
        const parts = names.split(".");
        const last = parts.pop();
        const owner = parts.reduce((one, part) => one?.[part], client);
        if (typeof owner?.[last] === "function") return (...given) => owner[last](...given);
    }
    return null;
}

async function parse(line) {
    const given = JSON.parse(line);
    const body = Buffer.from(given.body, "base64");
    const empty = [204, 205, 304].includes(given.status);
    let sent = false;
    let accept = "";
    const fetch = async (_, options) => {
        sent = true;
        accept = new Headers(options?.headers).get("accept") ?? "";
        return new Response(empty ? null : body, { status: given.status, headers: given.headers });
    };
    const client = new sdk.CohereClient({ token: "none", maxRetries: 0, fetch, logging: { silent: true } });
    const call = method(client, given.methods);
    if (call === null) return { sent, accept };
    values = [];
    let raised = "";
    let cause = "";
    try {
        const result = await call(...given.parameters, given.request);
        if (given.streamed) for await (const _ of result);
    } catch (error) {
        raised = error?.constructor?.name ?? typeof error;
        cause = error?.cause?.constructor?.name ?? "";
    }
    return { sent, accept, raised, cause, values };
}

async function main() {
    watch(require(path.join(root, "serialization")), new Set());
    process.stdout.write(`${JSON.stringify({ version })}\n`);
    for await (const line of readline.createInterface({ input: process.stdin })) {
        process.stdout.write(`${JSON.stringify(await parse(line))}\n`);
    }
}

main();
