<?php
// Plays the day with PHP's SoapClient: reads it from standard input, writes every answer to standard output.
require $argv[1];

$play = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$clients = [];
$answers = [];
foreach ($play['steps'] as $step) {
    $who = $step['who'];
    $client = $clients[$who] ??= connect($play['wsdl'], $play['soap']);
    $answer = $client->__soapCall($step['operation'], [$step['members']]);
    if (!empty($answer->authToken)) {
        identify($client, $play['header'], $answer->authToken);
    }
    $answers[] = $answer;
}
echo json_encode($answers, JSON_THROW_ON_ERROR);
