/* Lists, filters and opens the findings of a report. Every value is set as text, never as markup. */
(function () {
  "use strict";
  var FIRST = 100, MORE = 200, PRINTED = 500;
  var data = read("data"), rows = data.rows, evidence = null, searched = false;
  var list = byId("list"), more = byId("more"), count = byId("count"), search = byId("search");
  var shown = rows, ends = 0;

  function byId(name) { return document.getElementById(name); }
  function read(name) { return JSON.parse(byId(name).textContent); }
  function all(selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); }

  function make(tag, className, children) {
    var one = document.createElement(tag);
    if (className) { one.className = className; }
    [].concat(children === undefined ? [] : children).forEach(function (child) { if (child) { one.append(child); } });
    return one;
  }
  /* The parts of a text; what is between backticks is code. */
  function named(text) {
    return text.split("`").map(function (part, at) { return at % 2 ? make("code", "", part) : part; });
  }
  function link(target, text) { var one = make("a", "", text); one.href = "#" + target; return one; }
  function plural(number, noun) { return number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s"); }

  /* -- copying ------------------------------------------------------------------------------------------ */

  function copy(pre, button) {
    function done() { button.textContent = "copied"; setTimeout(function () { button.textContent = "copy"; }, 1500); }
    function select() {
      var selection = window.getSelection(), range = document.createRange();
      range.selectNodeContents(pre);
      selection.removeAllRanges();
      selection.addRange(range);
      if (document.execCommand("copy")) { done(); }
    }
    if (navigator.clipboard) { navigator.clipboard.writeText(pre.textContent).then(done, select); } else { select(); }
  }
  function addCopy(box) {
    var button = make("button", "", "copy");
    button.type = "button";
    button.addEventListener("click", function () { copy(box.querySelector("pre"), button); });
    box.prepend(button);
    return box;
  }
  function command(text) { return addCopy(make("div", "copy", make("pre", "", text))); }

  /* -- one finding -------------------------------------------------------------------------------------- */

  function line(row) {
    var summary = make("summary", "", [
      make("span", "head", [
        make("span", "badge " + row.severity, row.severity), " ",
        make("b", "", row.kind), " ", make("code", "", data.operations[row.operation]), " ",
        make("code", "at", row.location)]),
      make("span", "says", ["expected ", make("span", "", named(row.expected)), make("span", "dim", ", observed "), make("span", "seen", row.observed)])]);
    return summary;
  }
  function finding(row, id) {
    var one = make("details", "item finding card-" + row.severity, line(row));
    if (id) { one.id = "f-" + row.id; }
    one.row = row;
    return one;
  }
  function pair(first, one, second, two) {
    return make("div", "pair", [
      make("div", "", [make("h3", "", first), make("pre", "", one)]),
      make("div", "observed", [make("h3", "", second), make("pre", "", two)])]);
  }
  function fill(one) {
    var row = one.row, where = "status " + (row.status || "none") + ", " + row.seen;
    if (!row || one.filled) { return; }
    one.filled = true;
    one.append(make("p", "dim", where), pair("Expected", row.expected, "Observed", row.observed));
    if (row.requirement) {
      one.append(make("p", "", [make("span", "dim", "requirement "), make("code", "", row.requirement), " ",
        data.requirements[row.requirement] || ""]));
    }
    if (row.omitted) { one.append(make("p", "dim", row.omitted)); }
    (row.cases || []).slice(0, 5).forEach(function (name) {
      one.append(make("p", "", [make("span", "dim", "case "), make("code", "", name), " ", data.cases[name] || ""]));
    });
    if (row.cases && row.cases.length > 5) { one.append(make("p", "dim", "and " + plural(row.cases.length - 5, "more case"))); }
    if (data.kinds[row.kind]) { one.append(make("p", "dim", data.kinds[row.kind])); }
    if (data.causes[row.cause] && !one.closest(".cause")) {
      one.append(make("p", "", [make("span", "dim", "cause "), link("c-" + data.causes[row.cause].id, data.causes[row.cause].title)]));
    }
    evidence = evidence || read("evidence");
    var proof = evidence[row.evidence];
    if (proof) {
      one.append(pair("Request", proof.request, "Response", proof.response));
      if (proof.curl) {
        one.append(make("h3", "", "Reproduce; the key is read from CO_API_KEY"), command(proof.curl));
        (proof.notes || []).forEach(function (note) { one.append(make("p", "dim", note)); });
      } else { one.append(make("p", "dim", "The request is too long to be repeated here, or was not kept.")); }
    } else { one.append(make("p", "dim", "Request and response are not in this page; the command below shows them.")); }
    one.append(make("h3", "", "All about this finding"), command(data.explain.replace("FINGERPRINT", row.id)));
    one.append(make("p", "dim", "Seen first at " + row.source + "."));
  }

  /* -- the list ----------------------------------------------------------------------------------------- */

  function add(number) {
    var until = Math.min(ends + number, shown.length), part = document.createDocumentFragment();
    for (; ends < until; ends += 1) { part.append(finding(shown[ends], true)); }
    list.append(part);
    more.hidden = ends >= shown.length;
    more.textContent = "Show " + Math.min(MORE, shown.length - ends) + " more (" + (shown.length - ends).toLocaleString("en") + " left)";
  }
  function text(row) {
    var cause = data.causes[row.cause];
    return [row.id, row.severity, row.kind, data.operations[row.operation], row.status, row.location, row.expected, row.observed,
      row.requirement || "", (row.cases || []).join(" "), cause ? cause.title : ""].join("\n").toLowerCase();
  }
  function matches(row, words, wanted) {
    return (wanted.severity.length === 0 || wanted.severity.indexOf(row.severity) >= 0)
      && (wanted.operation === "" || row.operation === Number(wanted.operation))
      && (wanted.kind === "" || row.kind === wanted.kind)
      && (wanted.cause === "" || row.cause === Number(wanted.cause))
      && words.every(function (word) { return row.text.indexOf(word) >= 0; });
  }
  var ORDERS = {
    severity: function (one, other) { return one.place - other.place; },
    cause: function (one, other) { return one.cause - other.cause || one.place - other.place; },
    operation: function (one, other) { return one.operation - other.operation || one.place - other.place; },
    kind: function (one, other) { return one.kind < other.kind ? -1 : one.kind > other.kind ? 1 : one.place - other.place; },
    exchanges: function (one, other) { return other.count - one.count || one.place - other.place; }
  };
  function update() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var wanted = {
      severity: all("#filters input:checked").map(function (box) { return box.value; }),
      operation: byId("by-operation").value, kind: byId("by-kind").value, cause: byId("by-cause").value
    };
    if (words.length && !searched) { searched = true; rows.forEach(function (row) { row.text = text(row); }); }
    shown = rows.filter(function (row) { return matches(row, words, wanted); }).sort(ORDERS[byId("order").value]);
    ends = 0;
    list.replaceChildren();
    add(FIRST);
    count.textContent = shown.length === rows.length ? plural(rows.length, "finding")
      : shown.length.toLocaleString("en") + " of " + plural(rows.length, "finding");
    byId("clear").hidden = shown.length === rows.length && !words.length;
  }
  function clear() {
    search.value = "";
    all("#filters input").forEach(function (box) { box.checked = false; });
    ["by-operation", "by-kind", "by-cause"].forEach(function (name) { byId(name).value = ""; });
    update();
  }
  function under(cause) {
    var box = cause.querySelector(".members");
    if (!box || box.childElementCount) { return; }
    var number = Number(cause.dataset.cause), mine = rows.filter(function (row) { return row.cause === number; });
    mine.slice(0, 20).forEach(function (row) { box.append(finding(row, false)); });
    if (mine.length > 20) {
      var button = make("button", "", "List all " + mine.length);
      button.type = "button";
      button.addEventListener("click", function () { only(number); });
      box.append(button);
    }
  }
  function only(cause) {
    clear();
    byId("by-cause").value = String(cause);
    update();
    byId("findings").scrollIntoView();
    byId("by-cause").focus({preventScroll: true});
  }

  /* -- links and keys ----------------------------------------------------------------------------------- */

  function open(name) {
    var row = name.slice(0, 2) === "f-" && rows.filter(function (one) { return one.id === name.slice(2); })[0];
    if (row) {
      if (shown.indexOf(row) < 0) { clear(); }
      while (ends <= shown.indexOf(row)) { add(MORE); }
    }
    var one = byId(name);
    if (!one) { return; }
    if (one.tagName === "DETAILS") { one.open = true; one.querySelector("summary").focus({preventScroll: true}); }
    one.scrollIntoView({block: "start"});
  }
  function follow() { if (location.hash.length > 1) { open(decodeURIComponent(location.hash.slice(1))); } }
  function move(step) {
    var items = all("details.item > summary").filter(function (one) { return one.getClientRects().length > 0; });
    var at = items.indexOf(document.activeElement.closest("details.item > summary"));
    if (at < 0) {
      var around = document.activeElement.closest("details.item");
      at = around ? items.indexOf(around.querySelector("summary")) : -1;
    }
    if (at === items.length - 1 && step > 0 && !more.hidden) { add(MORE); return move(step); }
    var next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(Math.max(at + step, 0), items.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({block: "nearest"}); }
    return undefined;
  }
  function first() {
    var summary = list.querySelector("summary");
    if (summary) { summary.focus(); }
  }
  function copyHere() {
    var here = document.activeElement.closest("details.item");
    if (!here) { return; }
    here.open = true;
    if (here.row) { fill(here); }
    var button = here.querySelector(".copy button");
    if (button) { button.click(); }
  }
  function leave(typing) {
    if (typing) { document.activeElement.blur(); if (search.value) { search.value = ""; update(); } return; }
    var here = document.activeElement.closest("details[open].item");
    if (here) { here.open = false; here.querySelector("summary").focus(); } else { clear(); }
  }
  var KEYS = {
    "/": function () { search.focus(); search.select(); },
    j: function () { move(1); }, k: function () { move(-1); }, c: copyHere,
    "?": function () { byId("keys").showModal(); }
  };
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) { return; }
    if (event.key === "Escape") { leave(typing); return; }
    if (event.key === "Enter" && event.target === search) { event.preventDefault(); first(); return; }
    if (typing) { return; }
    if (Object.prototype.hasOwnProperty.call(KEYS, event.key)) { event.preventDefault(); KEYS[event.key](); }
  });

  /* -- the beginning ------------------------------------------------------------------------------------ */

  function options(select, pairs) {
    pairs.forEach(function (pair) { var one = make("option", "", pair[1]); one.value = pair[0]; select.append(one); });
  }
  function counted(of) {
    var numbers = new Map();
    rows.forEach(function (row) { numbers.set(of(row), (numbers.get(of(row)) || 0) + 1); });
    return numbers;
  }
  rows.forEach(function (row, place) { row.place = place; });
  all(".copy").forEach(addCopy);
  if (list) {
    var kinds = counted(function (row) { return row.kind; }), operations = counted(function (row) { return row.operation; });
    options(byId("by-operation"), data.operations.map(function (name, at) { return [String(at), name + " (" + operations.get(at) + ")"]; }));
    options(byId("by-kind"), Array.from(kinds.keys()).sort().map(function (name) { return [name, name + " (" + kinds.get(name) + ")"]; }));
    options(byId("by-cause"), data.causes.map(function (cause, at) { return [String(at), (at + 1) + ". " + cause.title]; }));
    search.addEventListener("input", update);
    byId("filters").addEventListener("change", function (event) {
      // The search has been followed at each key; building the list anew would undo the click that ends it.
      if (event.target !== search) { update(); }
    });
    byId("filters").addEventListener("submit", function (event) { event.preventDefault(); });
    byId("clear").addEventListener("click", function () { clear(); search.focus(); });
    more.addEventListener("click", function () { add(MORE); });
    all(".help").forEach(function (button) { button.addEventListener("click", KEYS["?"]); });
    document.addEventListener("toggle", function (event) {
      if (!event.target.open) { return; }
      if (event.target.row) { fill(event.target); } else if (event.target.classList.contains("cause")) { under(event.target); }
    }, true);
    window.addEventListener("hashchange", follow);
    document.addEventListener("click", function (event) {
      var one = event.target.closest && event.target.closest("a[href^='#f-'], a[href^='#c-']");
      if (one && one.hash === location.hash) { follow(); }
    });
    window.addEventListener("beforeprint", function () { if (ends < PRINTED) { add(PRINTED - ends); } });
    update();
    follow();
  }
}());
