from processing_py.points.names import LONGEST, documented, parameter


def test_flat_names_of_the_product():
    assert parameter([["get", "id"]]) == "GET_id_value"
    assert parameter([["uri"]]) == "URI_value"
    assert parameter([["header", "USER-AGENT"]]) == "HEADER_USER-AGENT_value"
    assert parameter([["post"], ["json_doc"], ["hash", "p2"]]) == "POST_JSON_DOC_HASH_p2_value"
    assert parameter([["post"], ["json_doc"], ["hash", "a"], ["array", 0]]) == "POST_JSON_DOC_HASH_a_ARRAY_0_value"


def test_a_point_of_a_key_ends_in_name():
    assert parameter([["get_name", "x<"]]) == "GET_x<_name"
    assert parameter([["action_name"]]) == "ACTION_NAME_value"


def test_documented_notation_writes_query():
    assert documented([["get", "id"], ["base64"]]) == [["query", "id"], ["base64"]]
    assert documented([["post"]]) == [["post"]]


def test_a_display_name_is_bounded_however_long_a_client_makes_its_names():
    """The cloud refuses a hit whose parameter is longer than it stores: a long key would hide the attack."""
    assert len(parameter([["post"], ["json_doc"], ["hash", "k" * 50_000]])) == LONGEST
