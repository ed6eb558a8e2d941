// Metrics encodes the hub's counters, a snapshot of its rooms and figures of the process in Prometheus' text format.
// Nothing is computed until a scrape.
import process from "node:process";
import type { Hub } from "../hub.ts";
import type { Histogram } from "../hub/stats.ts";
import { EVENT_STREAM } from "../protocol/event_stream.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import type { Wire } from "../protocol/message.ts";
import { LINES } from "../protocol/plain_lines.ts";
import { STREAMED_TRANSCRIPT } from "../protocol/transcript.ts";

/** Period of the timer whose delay is measured. */
const WATCH_PERIOD_MS = 500;

/** Name of each protocol in the `wire` label. */
const WIRE_NAMES = new Map<Wire, string>([
  [LINES, "lines"],
  [JSON_LINES, "confab.v1"],
  [EVENT_STREAM, "event-stream"],
  [STREAMED_TRANSCRIPT, "text"],
]);

interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name of this value, if it is not the metric's. */
  readonly metricName?: string;
}

/** Metric whose values are read at each scrape. */
interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly read: () => readonly Value[];
}

export interface MetricsOptions {
  readonly hub: Pick<Hub, "stats" | "snapshot" | "usage">;
  readonly version: string;
}

/** Disposed when the server stops. */
export class Metrics implements Disposable {
  readonly #options: MetricsOptions;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Maximum delay of the timer since the last scrape. */
  #delayMs = 0;

  constructor(options: MetricsOptions) {
    this.#options = options;
  }

  /** Returns all metrics as text. */
  text(): string {
    this.#watch ??= this.#watchLoop();
    return [...hubMetrics(this.#options), ...this.#processMetrics()].map(encode).join("");
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  #watchLoop(): ReturnType<typeof setInterval> {
    let dueAt = performance.now() + WATCH_PERIOD_MS;
    return setInterval(() => {
      const now = performance.now();
      this.#delayMs = Math.max(this.#delayMs, now - dueAt);
      dueAt = now + WATCH_PERIOD_MS;
    }, WATCH_PERIOD_MS);
  }

  #processMetrics(): Metric[] {
    const one = (value: number) => [{ value }];
    const takeDelay = () => {
      const delayMs = this.#delayMs;
      this.#delayMs = 0;
      return one(delayMs / 1000);
    };
    const gauge = (name: string, help: string, read: Metric["read"]): Metric => ({
      name,
      type: "gauge",
      help,
      read,
    });
    return [
      gauge(
        "confab_event_loop_delay_seconds",
        "Maximum timer delay since the last scrape, in seconds",
        takeDelay,
      ),
      gauge(
        "process_resident_memory_bytes",
        "Resident memory, in bytes",
        () => one(Deno.memoryUsage().rss),
      ),
      gauge(
        "process_heap_bytes",
        "Used JavaScript heap, in bytes",
        () => one(Deno.memoryUsage().heapUsed),
      ),
      gauge(
        "process_start_time_seconds",
        "Start time, in seconds since 1970",
        () => one(performance.timeOrigin / 1000),
      ),
      {
        name: "process_cpu_seconds_total",
        type: "counter",
        help: "CPU time, in seconds",
        read: () => {
          const { user, system } = process.cpuUsage();
          return one((user + system) / 1e6);
        },
      },
    ];
  }
}

function hubMetrics({ hub, version }: MetricsOptions): Metric[] {
  const { stats } = hub;
  const metric = (type: "counter" | "gauge") =>
  (
    name: string,
    help: string,
    read: () => number | ReadonlyMap<string | Wire, number>,
    label = "code",
  ): Metric => ({
    name: `confab_${name}`,
    type,
    help,
    read: () => {
      const found = read();
      if (typeof found === "number") return [{ value: found }];
      return Array.from(found, ([key, value]) => ({ value, labels: { [label]: nameOf(key) } }));
    },
  });
  const [counter, gauge] = [metric("counter"), metric("gauge")];
  return [
    gauge(
      "build_info",
      "Version of the program; always 1",
      () => new Map([[version, 1]]),
      "version",
    ),
    gauge("members", "Connections in rooms, by protocol", () => hub.snapshot().members, "wire"),
    gauge("rooms", "Rooms with at least one member", () => hub.snapshot().rooms),
    gauge("people", "People in rooms, counted once per room", () => hub.snapshot().people),
    gauge(
      "lagging_members",
      "Members that are behind and read from the journal",
      () => hub.snapshot().lagging,
    ),
    gauge(
      "lag_entries",
      "Maximum number of entries that a member is behind",
      () => hub.snapshot().maxLag,
    ),
    histogram("batch_entries", "Entries stored per batch", stats.batchEntries),
    histogram("commit_seconds", "Duration of commits, in seconds", stats.commitSeconds),
    gauge("data_stored_bytes", "Stored data, in bytes", () => hub.usage.storedBytes),
    gauge("data_file_bytes", "Size of the journal's files, in bytes", () => hub.usage.fileBytes),
    gauge(
      "data_limit_bytes",
      "Maximum size of the data folder, in bytes",
      () => hub.usage.maxBytes,
    ),
    counter("failed_commits_total", "Failed commits", () => stats.failedCommits),
    counter(
      "delivered_lines_total",
      "Delivered entries, counted once per receiver",
      () => stats.delivered,
    ),
    counter("refused_messages_total", "Refused messages, by error code", () => stats.refused),
    counter(
      "closed_connections_total",
      "Connections that the server closed for a reason, by error code",
      () => stats.closed,
    ),
  ];
}

/** Makes a histogram. In Prometheus each bucket includes all smaller ones. */
function histogram(name: string, help: string, values: Histogram): Metric {
  const full = `confab_${name}`;
  const read = () => {
    let total = 0;
    const buckets = values.counts.map((count, n) => ({
      metricName: `${full}_bucket`,
      labels: { le: n < values.bounds.length ? String(values.bounds[n]) : "+Inf" },
      value: total += count,
    }));
    return [
      ...buckets,
      { metricName: `${full}_sum`, value: values.sum },
      { metricName: `${full}_count`, value: total },
    ];
  };
  return { name: full, type: "histogram", help, read };
}

/** Encodes the lines of a metric (prometheus.io/docs/instrumenting/exposition_formats). */
function encode({ name, type, help, read }: Metric): string {
  const lines = read().map(({ value, labels = {}, metricName = name }) => {
    const shown = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    return `${metricName}${shown.length > 0 ? `{${shown}}` : ""} ${encodeNumber(value)}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function encodeNumber(value: number): string {
  return value === Infinity ? "+Inf" : String(value);
}

function escape(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
}

function nameOf(key: string | Wire): string {
  return typeof key === "string" ? key : WIRE_NAMES.get(key) ?? "other";
}
