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
let respond = null; // returns the response that takes the place of the network

function offline(name) {
    // Before version 7.15 or so the SDK has no option for it, and calls this package.
    let file;
    try {
        file = require.resolve(name, { paths: [root] });
    } catch {
        return;
    }
    const call = (...given) => respond(...given);
    require.cache[file] = { id: file, filename: file, loaded: true, exports: Object.assign(call, { default: call }) };
}

offline("node-fetch");
globalThis.fetch = (...given) => respond(...given);
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
        const noted = (raw, checked, back) => {
            const errors = checked.ok ? [] : checked.errors.map(located);
            values.push({ raw, back: back.ok ? back.value : null, errors });
        };
        one.parseOrThrow = (raw, options) => {
            const parsed = parseOrThrow(raw, options);
            // Before version 7.10 or so parsing is asynchronous.
            if (typeof parsed?.then === "function") {
                return parsed.then(async (value) => {
                    const checked = await one.parse(raw, { ...options, skipValidation: false });
                    noted(raw, checked, await one.json(value, { ...LENIENT, skipValidation: true }));
                    return value;
                });
            }
            const checked = one.parse(raw, { ...options, skipValidation: false });
            noted(raw, checked, one.json(parsed, { ...LENIENT, skipValidation: true }));
            return parsed;
        };
        const keep = (value) => value; // the response has to be parsed, whatever the request was
        one.jsonOrThrow = (value, options) => {
            try {
                const converted = jsonOrThrow(value, options);
                return typeof converted?.then === "function" ? converted.catch(() => keep(value)) : converted;
            } catch {
                return keep(value);
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
    respond = async (_, options) => {
        sent = true;
        accept = new Headers(options?.headers).get("accept") ?? "";
        return new Response(empty ? null : body, { status: given.status, headers: given.headers });
    };
    const client = new sdk.CohereClient({ token: "none", maxRetries: 0, fetch: respond, logging: { silent: true } });
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
