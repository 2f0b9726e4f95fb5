// Plays the day with soap for node: reads it from standard input, writes every answer to standard output.
const { readFileSync } = require("fs");
const { connect, identify } = require(process.argv[2]);

async function main() {
  const play = JSON.parse(readFileSync(0, "utf8"));
  const clients = {};
  const answers = [];
  for (const step of play.steps) {
    const client = (clients[step.who] ??= await connect(play.wsdl, play.soap));
    const [answer] = await client[`${step.operation}Async`](step.members);
    if (answer.authToken) identify(client, play.header, answer.authToken);
    answers.push(answer);
  }
  process.stdout.write(JSON.stringify(answers));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
