// Plays calls of OCHP 1.4 with soap for node: reads them from standard input, writes every answer to standard output.
const { readFileSync } = require("fs");
const { connect } = require(process.argv[2]);

// What is an attribute in the contract is told to this toolkit as one.
function withAttributes(value) {
  if (Array.isArray(value)) return value.map(withAttributes);
  if (value === null || typeof value !== "object") return value;
  const attributes = {};
  const members = {};
  for (const [name, each] of Object.entries(value)) {
    if (name.startsWith("@")) attributes[name.slice(1)] = each;
    else members[name] = withAttributes(each);
  }
  return Object.keys(attributes).length ? { attributes, ...members } : members;
}

async function main() {
  const play = JSON.parse(readFileSync(0, "utf8"));
  const clients = {};
  const answers = [];
  for (const step of play.steps) {
    const direct = step.port.endsWith("direct");
    const name = `${step.who} ${direct}`;
    clients[name] ??= await connect(direct ? play.direct : play.wsdl, step.who, play.passwords[step.who]);
    const [answer] = await clients[name][`${step.operation}Async`](withAttributes(step.members));
    answers.push(answer ?? {});
  }
  process.stdout.write(JSON.stringify(answers));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
