<?php
// Plays calls of OCHP 1.4 with PHP's SoapClient: reads them from standard input, writes every answer to standard output.
require $argv[1];

/** What is an attribute in the contract is a member like any other to this toolkit. */
function withAttributes(mixed $value): mixed
{
    if (!is_array($value)) {
        return $value;
    }
    $found = [];
    foreach ($value as $name => $each) {
        $found[is_string($name) ? ltrim($name, '@') : $name] = withAttributes($each);
    }
    return $found;
}

$play = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$clients = [];
$answers = [];
foreach ($play['steps'] as $step) {
    $who = $step['who'];
    $wsdl = $play[str_ends_with($step['port'], 'direct') ? 'direct' : 'wsdl'];
    $client = $clients["$who $wsdl"] ??= connect($wsdl, $who, $play['passwords'][$who]);
    $answers[] = $client->__soapCall($step['operation'], [withAttributes($step['members'])]);
}
echo json_encode($answers, JSON_THROW_ON_ERROR);
