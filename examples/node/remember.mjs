// Mneme from Node over gRPC: the stub is made at run time, straight from the .proto files.
//
//   npm ci && MNEME_GRPC=127.0.0.1:50051 MNEME_API_KEY=… MNEME_PROJECT_ID=… node remember.mjs

import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTO = fileURLToPath(new URL("../../proto", import.meta.url));
const definitions = protoLoader.loadSync(
  [
    "mneme/v1/users_service.proto",
    "mneme/v1/sessions_service.proto",
    "mneme/v1/memory_service.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
  ],
  { includeDirs: [PROTO, `${PROTO}/third_party`], keepCase: true, enums: String, longs: Number, defaults: true },
);
const { mneme } = grpc.loadPackageDefinition(definitions);

const credentials = new grpc.Metadata();
credentials.set("x-recallr-api-key", process.env.MNEME_API_KEY);
credentials.set("x-recallr-project-id", process.env.MNEME_PROJECT_ID);

const address = process.env.MNEME_GRPC ?? "127.0.0.1:50051";
const stub = (Service) => new Service(address, grpc.credentials.createInsecure());
const users = stub(mneme.v1.UsersService);
const sessions = stub(mneme.v1.SessionsService);
const memory = stub(mneme.v1.MemoryService);

/** Call a unary method and wait for its answer, 20 seconds at most. */
function call(client, method, request) {
  const options = { deadline: Date.now() + 20_000 };
  return new Promise((resolve, reject) => {
    client[method](request, credentials, options, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

/** The google.rpc.ErrorInfo of a failed call: its `reason` and `metadata` are for programs, its message is for people. */
function errorInfo(error) {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const status = definitions["google.rpc.Status"].deserialize(bytes);
  const detail = status.details.find(({ type_url }) => type_url.endsWith("/google.rpc.ErrorInfo"));
  return definitions["google.rpc.ErrorInfo"].deserialize(detail.value);
}

const user_id = `ada-${randomUUID()}`;
const { user } = await call(users, "CreateUser", { user_id });

const { session } = await call(sessions, "CreateSession", { user_id });
const { messages } = await call(sessions, "AddMessages", {
  user_id,
  session_id: session.session_id,
  messages: [
    { role: "MESSAGE_ROLE_USER", content: "I moved to Lisbon in May and I am allergic to peanuts." },
    { role: "MESSAGE_ROLE_ASSISTANT", content: "Noted: no peanuts." },
  ],
});

/** Messages can be recalled a moment after they were stored. */
async function recall(query, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const { items } = await call(memory, "Recall", { user_id, query });
    if (items.length > 0 || Date.now() > end) return items;
    await new Promise((resume) => setTimeout(resume, 100));
  }
}
const items = await recall("Where does Ada live?");

/** The events of a streamed context: each stage when it begins, the context at last. */
async function* contexts(request) {
  const stream = memory.StreamContext(request, credentials, { deadline: Date.now() + 20_000 });
  for await (const { event } of stream) yield event;
}
const { session: asking } = await call(sessions, "CreateSession", { user_id });
await call(sessions, "AddMessages", {
  user_id,
  session_id: asking.session_id,
  messages: [{ role: "MESSAGE_ROLE_USER", content: "Where do I live now?" }],
});
const events = [];
for await (const event of contexts({ user_id, session_id: asking.session_id })) events.push(event);

const failure = await call(users, "GetUser", { user_id: "nobody" }).catch((error) => ({
  code: grpc.status[error.code],
  message: error.details,
  ...errorInfo(error),
}));

console.log(
  JSON.stringify({
    user_id: user.user_id,
    session_id: session.session_id,
    messages: messages.length,
    recalled: items.map(({ content, sources }) => ({ content, sources })),
    stages: events.slice(0, -1).map(({ is_final, status_update_message }) => ({ is_final, status_update_message })),
    streamed: events.at(-1),
    failure,
  }),
);
for (const client of [users, sessions, memory]) client.close();
