// What the API answers (docs/console.md, contract). What a server may leave out is optional.

export interface Named {
  name: string;
  count: number;
}

export interface Primitive {
  kind: string;
  name: string;
  count?: number;
}

export interface Client {
  name: string | null;
  version: string | null;
}

export type Verified = "yes" | "no" | "front" | null;

/** A session part: the piece of a session that lies on one UTC day. */
export interface Part {
  id: string;
  day: string;
  session_id: string;
  id_source: string;
  server: string;
  user: string | null;
  users: string[];
  users_total: number;
  roles: string[];
  verified: Verified;
  state: string;
  matched?: number;
  client: Client | null;
  server_info: Client | null;
  protocol_version: string | null;
  address: string | null;
  started_at: string;
  last_at: string;
  ended: string | null;
  calls: number;
  errors: number;
  attacks: number;
  blocked: number;
  bytes_in: number;
  bytes_out: number;
  notifications: number;
  methods: Named[];
  methods_total: number;
  primitives: Primitive[];
  primitives_total: number;
}

export interface Value {
  value: string;
  /** Calls. */
  count: number;
  /** Session parts. */
  sessions: number;
}

export interface Warning {
  day: string | null;
  message: string;
}

/** One part with what is known of it. */
export interface PartDetails extends Part {
  facets: Partial<Record<"methods" | "primitives" | "users" | "roles" | "outcomes" | "attacks", Value[]>>;
  params: Record<string, unknown>;
  /** `param.NAME`, `session_id`, `user`, `credential`, `address`, `user_agent`, `client`, or a value as in nginx.conf. */
  grouped_by?: string[];
  user_agent: string | null;
  /** Its parts on other days, oldest first, this one included. */
  days: { id: string; day: string; started_at: string; last_at: string; calls: number }[];
  events: SessionEvent[];
  events_total: number;
  warnings?: Warning[];
}

/** What happened to a session without being a call. */
export interface SessionEvent {
  at: string;
  kind: string;
  count: number;
  status: number | null;
  request_id: string | null;
}

/** An attack as it stands in a call. */
export interface Attack {
  id: string;
  type: string;
  /** Title; null or empty for the protocol check and what others found. */
  control: string | null;
  /** File and line. */
  place: string | null;
  verdict: string;
  /** `passed` or `blocked`. */
  action: string;
  /** Which rule. */
  detail: string | null;
  /** JSON pointer into the message, `header NAME`, or `query`. */
  point: string | null;
  expected?: string | null;
  found?: string | null;
  /** How often within a minute. */
  count?: number;
}

/** An attack in the list of all. */
export interface ListedAttack extends Attack {
  at: string;
  last_at: string;
  call: string;
  session: string;
  server: string;
  user: string | null;
  roles: string[];
  client: Client | null;
  address: string | null;
  method: string | null;
  primitive: Primitive | null;
}

export interface AttackDetails extends ListedAttack {
  /** The control as it was. */
  text: string;
  mode: string;
  evidence: Evidence | null;
  warnings?: Warning[];
}

/** The request as it came, masked. */
export interface Evidence {
  line: string;
  headers: [string, string][];
  body: unknown;
  truncated: boolean;
}

export interface ControlDay {
  day: string;
  judged: number;
  /** Objections, those that were blocked included. */
  denied: number;
  blocked: number;
  unjudged: number;
}

/** A control in force, or seen in the days kept, with what it made of calls in seven days. */
export interface Control extends Omit<ControlDay, "day"> {
  title: string | null;
  /** `acl`, `verify`, `tool_schema`, `protocol_check`, `external` */
  kind: string;
  /** Of its attacks. */
  type: string;
  place: string | null;
  mode: string;
  text: string;
  in_force: boolean;
  allowed: number;
  unjudged_blocked: number;
  last_attack: string | null;
  days: ControlDay[];
}

export interface Call {
  id: string;
  at: string;
  direction: string;
  http_method: string | null;
  status: number | null;
  rpc_id: string | number | null;
  method: string | null;
  primitive: Primitive | null;
  /** Of a call to a tool, where its MCP server has listed tools: whether a list has this one. */
  listed?: boolean | null;
  arguments?: unknown;
  result?: unknown;
  outcome: string;
  error: { code: number | null; message: string | null } | null;
  is_error: boolean;
  duration_ms: number | null;
  first_event_ms: number | null;
  notifications: number;
  bytes_in: number;
  bytes_out: number;
  request_id: string | null;
  session: string;
  session_id: string;
  server: string;
  user: string | null;
  roles: string[];
  verified: Verified;
  address: string | null;
  client: Client | null;
  user_agent: string | null;
  protocol_version?: string | null;
  params: Record<string, unknown>;
  carried: string[];
  coverage: { request: string; response: string };
  arguments_truncated: boolean;
  result_truncated: boolean;
  payloads_shed: boolean;
  attacks: Attack[];
  /** The `input_required` call that this one answers. */
  continues?: string | null;
}

/** One call with what belongs to it. */
export interface CallDetails extends Call {
  continued_by: string[];
  batch: string[];
  previous: string | null;
  following: string | null;
}

export interface List<T> {
  items: T[];
  next: string | null;
  warnings?: Warning[];
}

export interface Facet {
  values: Value[];
  total: number;
}

/** Sums of what the filters leave, and distinct values. */
export interface Facets {
  calls: number;
  errors: number;
  sessions: number;
  /** By the name of the filter. */
  facets: Record<string, Facet>;
}

export interface Step {
  at: string;
  calls: number;
  errors: number;
  attacks: number;
}

export interface Timeline {
  step_s: number;
  items: Step[];
}

export interface Sums {
  calls: number;
  errors: number;
  /** 0 to 1. */
  error_rate: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  first_seen_at: string | null;
  last_seen_at: string | null;
}

export interface Server extends Sums {
  id: string;
  name: string;
  sessions: number;
  attacks: number;
  primitives: number;
  /** Listed ones. */
  tools: number;
  /** Listed ones, templates among them. */
  resources: number;
  /** Listed ones. */
  prompts: number;
}

export interface ServerDetails extends Server {
  /** In which share of calls (0 to 1) `user`, `role`, `session_id` were found, with masked examples. */
  found: { name: string; share: number | null; examples: string[] }[];
  configuration: Configuration[];
  /** What would find more: why, and lines for nginx.conf. */
  advice: { reason: string; lines: string }[];
  /** Whether it lists different primitives to different users. */
  lists_differ?: boolean;
  warnings?: Warning[];
}

/** A directive in force where this server's calls pass. */
export interface Configuration {
  directive: string;
  value: string;
  /** File and line. */
  place: string;
  location: string;
}

/** A primitive as it is listed, or called without being listed. */
export interface ServerPrimitive {
  kind: string;
  name: string;
  title: string | null;
  description: string | null;
  mime_type: string | null;
  input_schema: unknown;
  output_schema: unknown;
  annotations: unknown;
  listed: boolean;
  /** `new`, `changed`, `unused`, `active`, `unlisted` */
  status?: string;
  first_seen: string | null;
  last_seen: string | null;
  changed_at: string | null;
  calls: number;
  errors: number;
  attacks: number;
  p50_ms: number | null;
  p95_ms: number | null;
  days?: { day: string; calls: number; errors: number }[];
  versions?: number;
  /** More than one where lists differ per user. */
  versions_in_force?: number;
  /** Whether a text of it was longer than the catalogue keeps. */
  cut?: boolean;
}

/** A primitive as it was listed for a while; the newest has no end. */
export interface Version {
  seen_at: string;
  replaced_at: string | null;
  title: string | null;
  description: string | null;
  input_schema: unknown;
  output_schema: unknown;
  annotations: unknown;
  /** What is otherwise than in the version before. */
  changed: string[];
}

export interface Agent {
  user: string | null;
  client: Client | null;
  roles: string[];
  sessions: number;
  calls: number;
  errors: number;
  attacks: number;
  first_seen_at: string;
  last_seen_at: string;
  servers: Named[];
  servers_total: number;
  tools: Named[];
  tools_total: number;
}

/** What is known of the MCP servers' lists. */
export interface Catalog {
  servers: number;
  primitives: number;
  versions: number;
  bytes: number;
  /** How often something had no room, by reason. */
  left_out: Record<string, number>;
  limits: Record<string, number>;
}

/** The counters of `mcp_status`, and what is on disk. */
export interface Stats {
  version?: string;
  /** Exchanges: handed = written + unrecorded + dropped + killed + queued. */
  handed?: number;
  written?: number;
  unrecorded?: number;
  dropped?: Record<string, number>;
  killed?: number;
  queued?: number;
  waiting?: number;
  /** Calls by outcome. */
  calls_written?: Record<string, number>;
  stream_pieces_lost?: number;
  body_lost_bytes?: number;
  panics?: number;
  commits?: number;
  workers?: number;
  lag_ms?: number;
  bytes?: number;
  days?: { day: string; sessions: number | null; calls: number | null; bytes: number; payloads_shed: boolean; calls_shed?: boolean }[];
  catalog?: Catalog;
  limits?: Record<string, unknown>;
  warnings?: Warning[];
}
