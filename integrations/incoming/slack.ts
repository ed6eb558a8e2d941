// Converts payloads for a Slack incoming webhook to messages. Text and links are kept; elements that only Slack can display are
// dropped. Pure functions. A payload may be nested to any depth, but no function descends deeper than the format does.
import { parseName } from "../../protocol/names.ts";
import { isBlank } from "../../protocol/plain_lines.ts";
import {
  at,
  badPayload,
  isObject,
  joinLines,
  listAt,
  type PayloadMessage,
  textAt,
} from "./payload.ts";

/** Name of the sender if the payload has none. */
const NAME = "Slack";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">" };

/** Converts a payload to a message. @throws {ChatError} `bad_field` if it has no text. */
export function readSlack(payload: unknown): PayloadMessage {
  if (!isObject(payload)) throw badPayload("an object");
  // If there are blocks, Slack shows the text only in notifications.
  const body = readBlocks(payload) || toPlain(textAt(payload, "text"));
  const text = joinLines([body, ...listAt(payload, "attachments").map(readAttachment)]);
  if (isBlank(text)) throw badPayload("non-empty text, blocks or attachments");
  return { name: readName(textAt(payload, "username")), text };
}

function readName(username: string): string {
  try {
    return parseName(username);
  } catch {
    return NAME; // missing, or not a valid name
  }
}

function readAttachment(attachment: unknown): string {
  const text = (name: string) => toPlain(textAt(attachment, name));
  const link = (name: string) => unescapeEntities(textAt(attachment, name));
  const fields = listAt(attachment, "fields").map((field) => {
    const [name, value] = [toPlain(textAt(field, "title")), toPlain(textAt(field, "value"))];
    return name && value ? `${name}: ${value}` : name || value;
  });
  const shown = joinParts([
    text("pretext"),
    withLink(text("author_name"), link("author_link")),
    withLink(text("title"), link("title_link")),
    text("text"),
    ...fields,
    readBlocks(attachment),
    link("image_url"),
    ...listAt(attachment, "actions").map(readOldButton),
    text("footer"),
  ]);
  return isBlank(shown) ? text("fallback") : shown;
}

/** Reads a button of an attachment, whose label is no text object. */
function readOldButton(button: unknown): string {
  const url = textAt(button, "url");
  return url && withLink(toPlain(textAt(button, "text")), unescapeEntities(url));
}

function readBlocks(value: unknown): string {
  return joinParts(listAt(value, "blocks").map(readBlock));
}

function readBlock(block: unknown): string {
  const elements = listAt(block, "elements");
  switch (at(block, "type")) {
    case "header":
      return readText(at(block, "text"));
    case "section": {
      const fields = listAt(block, "fields").map(readText);
      return joinParts([
        readText(at(block, "text")),
        ...fields,
        readButton(at(block, "accessory")) || readImage(at(block, "accessory")),
      ]);
    }
    case "context":
      return joinParts(elements.map((element) => readText(element) || readImage(element)), " ");
    case "image":
      return readImage(block);
    case "actions":
      return joinParts(elements.map(readButton));
    case "markdown":
      return textAt(block, "text");
    case "video":
      return joinParts([
        withLink(readText(at(block, "title")), unescapeEntities(textAt(block, "title_url"))),
        readText(at(block, "description")),
      ]);
    case "table":
      return joinParts(listAt(block, "rows").map(readRow));
    case "rich_text":
      return joinParts(elements.map(readRichText));
    default:
      return ""; // a divider, or a block without text
  }
}

/** Reads a row of a table, whose cells are texts or rich texts. */
function readRow(row: unknown): string {
  const cells = Array.isArray(row) ? row : [];
  return joinParts(
    cells.map((cell) =>
      textAt(cell, "text") || listAt(cell, "elements").map(readRichText).join(" ")
    ),
    " | ",
  );
}

/** Reads a text object: `mrkdwn` with marks, or plain text. */
function readText(value: unknown): string {
  const text = textAt(value, "text");
  return at(value, "type") === "mrkdwn" ? toPlain(text) : unescapeEntities(text);
}

function readImage(image: unknown): string {
  return unescapeEntities(textAt(image, "alt_text")) || readText(at(image, "title"));
}

/** Reads a button that has a URL. Other buttons work only in Slack. */
function readButton(button: unknown): string {
  const url = textAt(button, "url");
  return url && withLink(readText(at(button, "text")), unescapeEntities(url));
}

function readRichText(part: unknown): string {
  const elements = listAt(part, "elements");
  if (at(part, "type") !== "rich_text_list") return elements.map(readRun).join("");
  return joinParts(elements.map((item) => `• ${listAt(item, "elements").map(readRun).join("")}`));
}

/** Reads a run of text in one style, or an element in place of one, such as a link. */
function readRun(run: unknown): string {
  const [text, url] = [textAt(run, "text"), textAt(run, "url")];
  switch (at(run, "type")) {
    case "link":
      return withLink(text, url);
    case "emoji":
      return `:${textAt(run, "name")}:`;
    case "user":
      return `@${textAt(run, "user_id")}`;
    case "channel":
      return `#${textAt(run, "channel_id")}`;
    case "broadcast":
      return `@${textAt(run, "range")}`;
    default:
      return text || textAt(run, "fallback");
  }
}

/** Converts Slack's marks for links, people and channels to text. Emphasis stays as it is written. */
function toPlain(text: string): string {
  return unescapeEntities(
    text.replace(/<([^<>\n]+)>/g, (whole, inner: string) => readMark(inner) ?? whole),
  );
}

/** Converts the text between angle brackets; undefined if it is not a mark. */
function readMark(mark: string): string | undefined {
  const bar = mark.indexOf("|");
  const [target, label] = bar < 0 ? [mark, ""] : [mark.slice(0, bar), mark.slice(bar + 1)];
  switch (target[0]) {
    case "@":
      return label ? `@${label.replace(/^@/, "")}` : target;
    case "#":
      return label ? `#${label.replace(/^#/, "")}` : target;
    case "!":
      // A special mention such as `!here`, or an element with a fallback text, such as a date.
      return target.includes("^") && label ? label : `@${target.slice(1)}`;
    default:
      return /^[a-z][a-z0-9+.-]*:/i.test(target) ? withLink(label, target) : undefined;
  }
}

function withLink(label: string, url: string): string {
  if (!url || url === label || url === `mailto:${label}`) return label || url;
  return label ? `${label} (${url})` : url;
}

/** Unescapes entities in one pass, so that text that was escaped twice is unescaped once. */
function unescapeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt);/g, (_, name: string) => ENTITIES[name]!);
}

function joinParts(parts: readonly string[], separator = "\n"): string {
  return parts.filter((part) => part.trim() !== "").join(separator);
}
