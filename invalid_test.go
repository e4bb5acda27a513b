package yore_test

import (
	"encoding/json"
	"errors"
	"testing"

	"yore.example/yore"
)

func TestFieldErrorsAreInvalid(t *testing.T) {
	err := user{}.Validate()
	var invalid *yore.InvalidError
	if !errors.Is(err, yore.ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Fields) != 3 {
		t.Errorf("%v is found as %+v", err, invalid)
	}
	if err.Error() != "yore: invalid: email can't be blank; name can't be blank; status is invalid" {
		t.Error(err)
	}
}

func TestInvalidErrorOfAProgramsOwn(t *testing.T) {
	err := &yore.InvalidError{Fields: []yore.FieldError{{Field: "name", Message: "is rude"}}}
	if err.Error() != "yore: invalid: name is rude" || !errors.Is(err, yore.ErrInvalid) {
		t.Error(err)
	}
}

func TestCastDecodedJSON(t *testing.T) {
	type document struct {
		yore.Meta
		Body json.RawMessage
	}
	got, err := yore.Immutable[document]("documents").Cast(document{}, map[string]any{"body": map[string]any{"a": []any{1.0, "x"}}})
	if err != nil || string(got.Body) != `{"a":[1,"x"]}` {
		t.Errorf("%s, %v", got.Body, err)
	}
}
